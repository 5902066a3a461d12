package budget

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// States of a TCP connection as TCP_INFO gives them (include/net/tcp_states.h).
const (
	tcpClose     = 7
	tcpCloseWait = 8
)

// optTimestamps is the bit of tcpi_options that says that segments carry them.
const optTimestamps = 1

// orphanRetries is how often the kernel sends a segment again, of a connection that was closed while nothing was acknowledged.
const orphanRetries = 8

// endPackets is how many packets the end of a connection takes at most, beside data: FIN and its acknowledgement from each side, and what the other
// side says last, when the socket is gone, with the RST that it gets.
const endPackets = 6

// readInfo asks the kernel what a connection has sent and received. ok is false where it cannot say: no TCP, closed, Linux before 4.19.
func readInfo(conn syscall.RawConn) (info *unix.TCPInfo, ok bool) {
	var failed error
	err := conn.Control(func(fd uintptr) {
		info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	})
	if err != nil || failed != nil || info.Segs_out == 0 || info.Bytes_sent == 0 && info.Data_segs_out > 0 {
		return nil, false
	}
	return info, true
}

// headerOf is what a segment of a connection costs beside its payload.
func headerOf(info *unix.TCPInfo, ip int64) int64 {
	header := ip + tcpHeader
	if info.Options&optTimestamps != 0 {
		header += timestamps
	}
	return header
}

// exact is what a connection has cost so far, in both directions: segments, those sent again and SYN included, times their headers, and
// payload. Options of selective acknowledgements and payload that came twice are not seen.
func exact(info *unix.TCPInfo, ip int64) int64 {
	header := headerOf(info, ip)
	syn := 2 * (ip + tcpHeader + synOptions - header)
	return int64(info.Segs_out)*header + int64(info.Bytes_sent) + int64(info.Segs_in)*header + int64(info.Bytes_received) + syn
}

// closing is what a connection is still going to cost when it is closed now: what waits to be sent, the acknowledgements that are missing, and the end
// on both sides; on a link that is dead, what the kernel sends again before it gives up.
func closing(info *unix.TCPInfo, ip int64) int64 {
	header := headerOf(info, ip)
	mss := max(int64(info.Snd_mss), 1)
	unsent := int64(info.Notsent_bytes)
	packets := segments(unsent, mss)
	rest := unsent + packets*header + segments(packets+int64(info.Unacked), 2)*header
	switch info.State {
	case tcpClose:
		return 0
	case tcpCloseWait:
		rest += 3 * header
	default:
		rest += endPackets * header
	}
	if info.Backoff > 0 {
		rest += orphanRetries * (mss + header)
	}
	return rest
}
