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
//     What is seen of a friend never closes it, however many change at once:
//     behind 16 messages there is no further badge, and when they are written,
//     a list of all friends as they are then.
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
// once a minute; a session whose token has expired is sent round by the
// handshake, which gives it a new one.
//
// # One live session
//
// A user's sockets all belong to one session: whoever is signed in on two
// devices is live on one of them. [Places] knows which, for all nodes. The first
// socket of a session claims the user's place before the handshake, further
// ones share it, and with the last one it is given back; if that one broke
// instead of saying goodbye, a second later, because then it usually comes
// back. A socket without a place is opened and closed at once with
// [CodeElsewhere], because a browser learns nothing from a refused handshake.
//
// The keeper asks Places about one user one thing at a time, so that no answer
// overtakes another, and about users side by side, so that none waits for
// another. What it knows of a session is that it has the place, that it has
// not, or that it may have: after a failed question, or when this node could
// give no sign of life for so long that it counted as dead. Who may have a place
// and has sockets claims it again; who may have it and has none gives it back,
// until that has succeeded.
//
// # Presence
//
// The crowd is everybody of whom something is known: by this node, from their
// sockets ([Hub.Serve]), requests ([Hub.Active]) and matches (Config.Playing),
// and by others, which tell it through [Nodes]. What one node knows is a
// [Sighting]; what friends see is all of them together. Somebody is here for
// Config.OfflineAfter beyond their last socket, and what another node has told
// counts for Config.GoneAfter beyond its last sign of life, so that neither a
// page change nor a restart is anything to anybody.
//
// Whatever happens to a person ends in crowd.review. It decides whether other
// nodes have to be told, whether it has to be written down that they went,
// whether friends have to see something else, and when to look again. What has
// to be waited for is done by goroutines of its own kind, which exist while
// there is something to do: they load friends, ask who plays, tell other nodes,
// write down who went, and clear away what dead nodes have left.
//
// The herald alone tells friends. It compares what is to be seen of somebody
// with what was told last, so that nobody is told anything twice, and a socket's
// list of friends, in the beginning or after more badges than it could take, is
// what the other sockets have been told until then.
package live
