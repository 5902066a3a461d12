package uplink

import (
	"slices"
	"testing"

	"skerry/edge/config"
	"skerry/edge/uplink/interfaces"
	"skerry/edge/uplink/profile"
)

// TestALPN: AWS IoT takes MQTT on port 443 when its name is given, and knows no such name on 8883.
func TestALPN(t *testing.T) {
	tests := []struct {
		profile string
		port    int
		want    []string
	}{{"aws-iot", 443, []string{"x-amzn-mqtt-ca"}}, {"aws-iot", 8883, nil}, {"generic", 443, nil}}
	for _, test := range tests {
		d := newDialer(config.ClientTLS{}, interfaces.Options{})
		d.profile = profile.Of(test.profile)
		c, err := d.tlsConfig(config.Server{TLS: true, Host: "aws.example", Port: test.port})
		if err != nil || !slices.Equal(c.NextProtos, test.want) || c.ServerName != "aws.example" {
			t.Errorf("%s, port %d: %q to %q, %v", test.profile, test.port, c.NextProtos, c.ServerName, err)
		}
	}
}
