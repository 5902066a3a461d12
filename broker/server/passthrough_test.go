package server_test

import (
	"fmt"
	"testing"

	"skerry/broker/packet"
	"skerry/broker/server"
	"skerry/queue/vfs"
)

// What waited on the disk over a restart has the properties that its publisher gave it, in their order; the same message is
// delivered to a Client of an older version without them, and a session may change its version in between.
func TestPropertiesSurviveRestart(t *testing.T) {
	const properties = "26 'b' '1' 03 'text/plain' 26 'a' '2' 08 'answer/x' 09 0003 00ff01 26 'b' '1' 01 01"
	for _, qos := range []int{1, 2} {
		for _, tc := range []struct{ name, before, after, want string }{
			{"5.0", "10: 'MQTT' 05 00 0000 05 11 0000ffff 's' | 82: 0001 00 't' %02x", "10: 'MQTT' 05 00 0000 05 11 0000ffff 's'",
				"20: 01 00 0d ??*13 | %02x: 't' 0001 35 " + properties + " \"x\""},
			{"3.1.1", "10: 'MQTT' 04 00 0000 's' | 82: 0001 't' %02x", "10: 'MQTT' 04 00 0000 's'", "20: 01 00 | %02x: 't' 0001 \"x\""},
			{"3.1.1, then 5.0", "10: 'MQTT' 04 00 0000 's' | 82: 0001 't' %02x", "10: 'MQTT' 05 00 0000 05 11 0000ffff 's'",
				"20: 01 00 0d ??*13 | %02x: 't' 0001 35 " + properties + " \"x\""},
			{"5.0, then 3.1.1", "10: 'MQTT' 05 00 0000 05 11 0000ffff 's' | 82: 0001 00 't' %02x", "10: 'MQTT' 04 00 0000 's'",
				"20: 01 00 | %02x: 't' 0001 \"x\""},
		} {
			t.Run(fmt.Sprintf("%s, QoS %d", tc.name, qos), func(t *testing.T) {
				disk := vfs.NewDisk()
				open := func() (*station, string) {
					st := openStation(t, disk, server.Options{})
					address := st.listen(server.ListenerConfig{Name: "test", Anonymous: true})
					return st.run(), address
				}
				st, address := open()
				s := dial(t, address)
				s.script("> " + fmt.Sprintf(tc.before, qos))
				for s.readPacket().Type != packet.SUBACK {
				}
				s.nc.Close()
				p := dial(t, address)
				p.script("> 10: 'MQTT' 05 02 0000 00 'p'", "< 20: ??*16")
				p.script(fmt.Sprintf("> %02x: 't' 0007 35 %s \"x\"", 0x30+2*qos, properties), fmt.Sprintf("< %02x: 0007", 0x30+0x10*qos))
				p.nc.Close()
				st.stop()
				_, address = open()
				c := dial(t, address)
				c.script("> "+tc.after, "< "+fmt.Sprintf(tc.want, 0x38+2*qos)) // DUP: nobody knows any more whether it was sent
				c.nc.Close()
			})
		}
	}
}
