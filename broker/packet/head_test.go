package packet_test

import (
	"bytes"
	"testing"

	"skerry/broker/packet"
)

// The head with its payload is what Publish writes for the same packet.
func TestPublishHeadIsAPublish(t *testing.T) {
	rest := packet.Properties(nil).AppendString(packet.ContentType, "text").AppendUserProperty("k", "v")
	all := packet.Properties(nil).
		AppendNumber(packet.MessageExpiryInterval, 60).
		AppendNumber(packet.TopicAlias, 3).
		AppendNumber(packet.SubscriptionIdentifier, 1).
		AppendNumber(packet.SubscriptionIdentifier, 70_000)
	payload := bytes.Repeat([]byte("p"), 200)
	for name, test := range map[string]struct {
		head packet.PublishHead
		want packet.Publish
	}{
		"QoS 0": {
			packet.PublishHead{TopicName: "a/b", Properties: rest},
			packet.Publish{TopicName: []byte("a/b"), Properties: rest},
		},
		"everything": {
			packet.PublishHead{
				Dup: true, Retain: true, QoS: 2, PacketID: 77, TopicName: "a/b", TopicAlias: 3, HasExpiry: true,
				Expiry: 60, SubscriptionIDs: []uint32{1, 70_000}, Properties: rest,
			},
			packet.Publish{
				Dup: true, Retain: true, QoS: 2, PacketID: 77, TopicName: []byte("a/b"),
				Properties: append(all, rest...),
			},
		},
		"alias alone": {
			packet.PublishHead{QoS: 1, PacketID: 1, TopicAlias: 3},
			packet.Publish{QoS: 1, PacketID: 1, Properties: packet.Properties(nil).AppendNumber(packet.TopicAlias, 3)},
		},
		"expired while waiting": {
			packet.PublishHead{TopicName: "a", HasExpiry: true},
			packet.Publish{TopicName: []byte("a"), Properties: packet.Properties(nil).AppendNumber(packet.MessageExpiryInterval, 0)},
		},
	} {
		for _, v := range []packet.Version{packet.V31, packet.V311, packet.V5} {
			test.head.PayloadSize, test.want.Payload = len(payload), payload
			got := append(test.head.Append(nil, v), payload...)
			if want := test.want.Append(nil, v); !bytes.Equal(got, want) {
				t.Errorf("%s in %v:\n got %x\nwant %x", name, v, got, want)
			}
			if test.head.Size(v) != len(got) {
				t.Errorf("%s in %v: Size is %d, want %d", name, v, test.head.Size(v), len(got))
			}
		}
	}
}
