package edge

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"

	"skerry/broker/client"
	"skerry/broker/packet"
	"skerry/broker/server"
)

// answersTopic is where the gateway sends itself a message: no wildcard matches it [MQTT-4.7.2-1]. answersClient is who does: among the
// program's own sessions no other has that ClientID.
const (
	answersTopic  = "$skerry/answers"
	answersClient = "answers"
)

// Answers asks the broker what any Client would: to be let in, to subscribe, to publish at QoS 0 and to get that
// message. It goes over the loopback interface, past listeners, rules and counters of connections. The error says which step failed, or did
// not end before ctx did. It must not be called before Listening is closed.
func (g *Gateway) Answers(ctx context.Context) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ours, theirs, err := pair(ctx)
	if err != nil {
		return err
	}
	defer ours.Close()
	srv := server.New(g.broker, server.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}) // all that a Client costs
	if err := srv.Serve(newSingle(theirs), server.ListenerConfig{Name: "self", Anonymous: true, Internal: true}); err != nil {
		return err
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Run(ctx) })
	defer serving.Wait()
	defer end()
	return ask(ctx, ours)
}

// ask is the Client's part.
func ask(ctx context.Context, conn net.Conn) error {
	came := make(chan struct{}, 1)
	c, err := client.Connect(ctx, conn, &packet.Connect{Version: packet.V5, CleanStart: true, ClientID: []byte(answersClient)}, client.Options{
		OnMessage: func(*packet.Publish) { came <- struct{}{} },
	})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = c.Run(ctx) })
	defer running.Wait()
	defer c.Close()
	if _, err := c.Subscribe(ctx, packet.Subscription{TopicFilter: []byte(answersTopic)}); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := c.Publish(ctx, &packet.Publish{TopicName: []byte(answersTopic)}); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	select {
	case <-came:
		return c.Disconnect(packet.NormalDisconnection)
	case <-ctx.Done():
		return fmt.Errorf("no message came: %w", ctx.Err())
	}
}

// single is a listener that has one connection.
type single chan net.Conn

func newSingle(conn net.Conn) single {
	o := make(single, 1)
	o <- conn
	return o
}

func (o single) Accept() (net.Conn, error) {
	if conn := <-o; conn != nil {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (o single) Close() error {
	close(o)
	return nil
}

func (o single) Addr() net.Addr { return &net.TCPAddr{} }

// pair makes two TCP connections that are each other's other end.
func pair(ctx context.Context) (a, b net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer l.Close()
	var dialer net.Dialer
	if a, err = dialer.DialContext(ctx, "tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	if b, err = l.Accept(); err != nil {
		a.Close()
		return nil, nil, err
	}
	if b.RemoteAddr().String() != a.LocalAddr().String() { // somebody else was faster
		a.Close()
		b.Close()
		return nil, nil, fmt.Errorf("the connection from %v to the gateway itself is another one", b.RemoteAddr())
	}
	return a, b, nil
}
