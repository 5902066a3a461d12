package packet_test

import (
	"errors"
	"fmt"
	"testing"

	"skerry/broker/packet"
)

func TestReasonCodeNames(t *testing.T) {
	for code, want := range map[packet.ReasonCode]string{
		packet.Success:                           "Success",
		packet.DisconnectWithWillMessage:         "Disconnect with Will Message",
		packet.BadUserNameOrPassword:             "Bad User Name or Password",
		packet.WildcardSubscriptionsNotSupported: "Wildcard Subscriptions not supported",
		0x7F:                                     "Reason Code 0x7F",
		0xFF:                                     "Reason Code 0xFF",
	} {
		if got := code.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestReasonCodeIsAnError(t *testing.T) {
	err := fmt.Errorf("connect: %w", packet.NotAuthorized)
	if !errors.Is(err, packet.NotAuthorized) || err.Error() != "connect: Not authorized (0x87)" {
		t.Errorf("got %v", err)
	}
	if packet.NoMatchingSubscribers.IsError() || !packet.UnspecifiedError.IsError() {
		t.Error("codes from 0x80 on are errors, and no others")
	}
}

// The counts are those of the lists of the specification in
// sections 3.2.2.2, 3.4.2.1, 3.5.2.1, 3.6.2.1, 3.7.2.1, 3.9.3, 3.11.3, 3.14.2.1, 3.15.2.1, and
// for DISCONNECT one more: Bad authentication method stands in table 2-6 of section 2.4 only.
func TestReasonCodesPerPacket(t *testing.T) {
	for kind, want := range map[packet.Type]int{
		packet.CONNACK: 22, packet.PUBACK: 9, packet.PUBREC: 9, packet.PUBREL: 2, packet.PUBCOMP: 2,
		packet.SUBACK: 12, packet.UNSUBACK: 7, packet.DISCONNECT: 30, packet.AUTH: 3,
		packet.CONNECT: 0, packet.PUBLISH: 0, packet.PINGRESP: 0,
	} {
		got := 0
		for code := range 256 {
			if packet.ReasonCode(code).AllowedIn(kind) {
				got++
			}
		}
		if got != want {
			t.Errorf("%v: %d codes, want %d", kind, got, want)
		}
	}
}

func TestReturnCodesSurviveTheWay(t *testing.T) {
	for code := range byte(6) {
		reason, ok := packet.FromReturnCode(code)
		if !ok || reason.ReturnCode() != code {
			t.Errorf("return code %d became %v and then %d", code, reason, reason.ReturnCode())
		}
	}
	if _, ok := packet.FromReturnCode(6); ok {
		t.Error("return code 6 is reserved")
	}
}
