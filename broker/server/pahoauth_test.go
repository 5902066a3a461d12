package server_test

import (
	"context"
	"net"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"skerry/broker/scram"
	"skerry/broker/server"
	"skerry/queue/vfs"
)

// pahoScram answers the Server's challenges in paho.golang.
type pahoScram struct {
	t    *testing.T
	half *scramClient
	done chan struct{}
}

func (p *pahoScram) Authenticate(a *paho.Auth) *paho.Auth {
	return pahoAuth(0x18, p.half.final(p.t, a.Properties.AuthData))
}

func (p *pahoScram) Authenticated() { p.done <- struct{}{} }

func pahoAuth(code byte, data []byte) *paho.Auth {
	return &paho.Auth{ReasonCode: code, Properties: &paho.AuthProperties{AuthMethod: scram.Method, AuthData: data}}
}

// paho.golang logs in by SCRAM-SHA-256, proves itself again, and understands the Topic Aliases that it asked for.
func TestPaho5ScramAndAliases(t *testing.T) {
	st := openStation(t, vfs.NewDisk(), server.Options{})
	address := st.listen(server.ListenerConfig{Name: "test", Methods: []server.AuthMethod{server.Scram(scramUsers(t, "anna", "pencil"))}})
	st.run()
	nc, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	half := &pahoScram{t: t, half: &scramClient{user: "anna", password: "pencil"}, done: make(chan struct{}, 10)}
	got := make(chan *paho.Publish, 10)
	client := paho.NewClient(paho.ClientConfig{Conn: nc, AuthHandler: half, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(r paho.PublishReceived) (bool, error) { got <- r.Packet; return true, nil },
	}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	aliases := uint16(5)
	connack, err := client.Connect(ctx, &paho.Connect{ClientID: "anna", CleanStart: true, KeepAlive: 30,
		Properties: &paho.ConnectProperties{AuthMethod: scram.Method, AuthData: half.half.first(), TopicAliasMaximum: &aliases}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Disconnect(&paho.Disconnect{}) })
	<-half.done
	if connack.Properties.AuthMethod != scram.Method || string(connack.Properties.AuthData) != half.half.server {
		t.Errorf("CONNACK with %q of %q", connack.Properties.AuthData, connack.Properties.AuthMethod)
	}
	answer, err := client.Authenticate(ctx, pahoAuth(0x19, half.half.first()))
	if err != nil || !answer.Success {
		t.Errorf("again: %+v (%v)", answer, err)
	}
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "a/long/topic"}}}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a/long/topic", "", ""} {
		if _, err := client.Publish(ctx, &paho.Publish{Topic: "a/long/topic", Payload: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if m := <-got; m.Topic != want || m.Properties.TopicAlias == nil || *m.Properties.TopicAlias != 1 {
			t.Errorf("message %d: topic %q, properties %+v", i, m.Topic, m.Properties)
		}
	}
}
