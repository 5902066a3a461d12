package edge

import (
	"skerry/queue"
	"skerry/queue/vfs"
)

// logSlot is the size of a file of the log, in bytes: the store's own default.
const logSlot = 4 << 20

// room is how many bytes the log may still grow: by its limit, and by what the file system has free.
func (g *Gateway) room(store *queue.Store) int64 {
	st, most := store.Stats(), int64(g.config.Storage.Limit)
	room := most - int64(st.Segments)*logSlot
	if _, real := g.options.FS.(vfs.OS); !real {
		return max(room, 0)
	}
	if s, err := fileSystem(g.config.Storage.Path); err == nil {
		free := int64(s.Bavail)*int64(s.Bsize) - g.keepFree() + int64(max(st.Slots-st.Segments, 0))*logSlot
		if most == 0 || free < room {
			room = free
		}
	}
	return max(room, 0)
}
