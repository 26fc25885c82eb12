// Package live holds the sockets: who has one open, what each is told, and how
// each ends. It moves bytes and fragments and knows nothing of the game.
//
// # One socket
//
// [Hub.Serve] checks the viewer and the origin, does the handshake, and returns:
// net/http's goroutine with its stack and its buffers goes back where it came
// from, and an idle socket costs about 9 kB, over TLS 17. What is left is a
// [Conn], with one goroutine that reads, and a second one that writes only while
// there is something to write.
//
// The reader waits for a message, charges it to the browser's credits, reads it
// into a buffer borrowed from the hub and hands it to the [Receiver] that was
// given at the start. There is no lock of the hub on this way and no look-up.
//
// # What is written
//
// Three things wait in a Conn, and each is there for another kind of slowness:
//
//   - The newest game state, in one place of 64 bytes. [Conn.Offer] overwrites
//     what still waits there, so a browser that reads slowly skips states and
//     never falls behind. The kernel's buffers are kept small for the same
//     reason: a state that has left us cannot be overwritten any more.
//   - A queue of texts (HTML fragments, from [Hub.Push]) and of binary frames
//     that must arrive ([Conn.Send]). It holds 64. A text without room closes
//     the socket, because the page would be wrong from then on; a frame
//     without room is dropped, because the game's protocol survives that.
//   - A ping, which waits until all else is written.
//
// Whatever is written is written in the order in which it was given, states
// among the rest; only the replaced ones are missing. Writes have no deadlines,
// which would cost more than the writes; instead the hub looks at all sockets
// once a second and cuts the connection of a writer that is stuck.
//
// # Life and end
//
// Every message and every pong shows that a browser lives. After 15 s without
// any it is pinged, after 25 s it is gone.
//
// A socket ends for the first reason that comes up, from whatever side: the
// browser leaves, its session ends, it breaks a rule, it is silent or stuck, the
// server stops. From that moment nothing it sends is heard and nothing is
// queued. If there is somebody to tell, the writer says the code (the Code
// constants) and waits for the answer, 750 ms at most; then the connection is
// cut. The reader, which owns the other goroutine, takes everything down in
// order: the line in the log, if the reason is an unusual one, the hub's
// indexes, the receiver, the writer, the connection.
//
// A session's sockets end when [Hub.CloseSession] says so. In case nobody does,
// because that event was lost, the hub asks Config.Check about every session
// once a minute.
package live
