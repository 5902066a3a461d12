package edge

import (
	"fmt"
	"time"
)

// system is the part of $SYS that has mosquitto's names: what dashboards made for mosquitto ask for.
type system struct {
	loads    map[string]*load // by name
	looked   time.Duration    // when, since the start
	mostOnce int              // clients connected at a time
}

// system brings the values up to date.
func (s *statistics) system(f *figures) {
	s.publishAs("broker/version", "skerry version "+s.version)
	s.publishAs("broker/uptime", fmt.Sprintf("%d seconds", int(f.up.Seconds())))
	s.clients(f)
	s.messages(f)
	s.publishAs("broker/subscriptions/count", count(uint64(f.broker.Subscriptions)))
	s.publishAs("broker/shared_subscriptions/count", count(uint64(f.broker.Shared)))
	s.loads(f)
}

func (s *statistics) clients(f *figures) {
	s.sys.mostOnce = max(s.sys.mostOnce, f.broker.Connected)
	s.publishAs("broker/clients/total", count(uint64(f.broker.Connected+f.broker.Away)))
	s.publishAs("broker/clients/connected", count(uint64(f.broker.Connected)))
	s.publishAs("broker/clients/active", count(uint64(f.broker.Connected))) // the older name
	s.publishAs("broker/clients/disconnected", count(uint64(f.broker.Away)))
	s.publishAs("broker/clients/inactive", count(uint64(f.broker.Away))) // the older name
	s.publishAs("broker/clients/maximum", count(uint64(s.sys.mostOnce)))
	s.publishAs("broker/clients/expired", count(f.broker.Expired))
	s.publishAs("broker/clients/slow", count(uint64(f.server.Slow)))
}

func (s *statistics) messages(f *figures) {
	in, out := f.server.Received, f.server.Sent
	s.publishAs("broker/messages/received", count(in.Packets))
	s.publishAs("broker/messages/sent", count(out.Packets))
	s.publishAs("broker/messages/stored", count(f.kept())) // the older name
	s.publishAs("broker/store/messages/count", count(f.kept()))
	s.publishAs("broker/store/messages/bytes", count(f.keptBytes()))
	s.publishAs("broker/retained messages/count", count(uint64(f.broker.Retained)))
	s.publishAs("broker/publish/messages/received", count(in.Publishes))
	s.publishAs("broker/publish/messages/sent", count(out.Publishes))
	s.publishAs("broker/publish/messages/dropped", count(f.lost()))
	s.publishAs("broker/publish/bytes/received", count(in.Payload))
	s.publishAs("broker/publish/bytes/sent", count(out.Payload))
	s.publishAs("broker/bytes/received", count(in.Bytes))
	s.publishAs("broker/bytes/sent", count(out.Bytes))
}

// loads are totals in a minute.
func (s *statistics) loads(f *figures) {
	in, out := f.server.Received, f.server.Sent
	passed := f.up - s.sys.looked
	s.sys.looked = f.up
	for name, total := range map[string]uint64{
		"messages/received": in.Packets, "messages/sent": out.Packets,
		"publish/received": in.Publishes, "publish/sent": out.Publishes, "publish/dropped": f.lost(),
		"bytes/received": in.Bytes, "bytes/sent": out.Bytes,
		"sockets": f.server.Sockets, "connections": f.server.Connects,
	} {
		l := s.sys.loads[name]
		if l == nil {
			l = &load{}
			s.sys.loads[name] = l
		}
		l.update(total, passed)
		l.each(func(period, value string) { s.publishAs("broker/load/"+name+"/"+period, value) })
	}
}
