// Package auth decides who may act: it hashes and checks passwords, signs and
// reads the short-lived tokens that go with a session, and holds the pure
// gate that turns both into a stage. It does no HTTP and no SQL.
package auth
