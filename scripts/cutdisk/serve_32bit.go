//go:build arm || 386

package cutdisk

// canServe: go-fuse 2.12 does not build for 32 bits. The laboratory is not for the boards.
const canServe = false

// Served is never true here.
func Served() (code int, was bool) { return 0, false }
