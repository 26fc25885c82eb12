// Package rally holds the words every part of Rally speaks: users and who is
// looking (Viewer), sessions and their stages, matches and their outcome,
// ratings, events and errors. Plain types and their validation; no I/O, and
// nothing but the standard library.
package rally
