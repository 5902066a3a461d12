package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"skerry/edge/config"
)

// groundCmd is the verb ground.
type groundCmd struct {
	File string `arg:"" optional:"" placeholder:"FILE" help:"Configuration file. Without it, the flags say what to do."`

	From         string   `placeholder:"URL" group:"Where the blocks are:" help:"The server that gateways send to: tls://HOST[:8883] or tcp://HOST[:1883]."`
	Topics       []string `sep:"none" placeholder:"FILTER" group:"Where the blocks are:" help:"Topics of the blocks, as 'farm/+/+/pack/#'; may be repeated."`
	User         string   `short:"u" placeholder:"NAME" group:"Where the blocks are:" help:"User name there."`
	PasswordFile string   `type:"path" placeholder:"FILE" group:"Where the blocks are:" help:"File with the password."`
	CAFile       string   `name:"cafile" type:"path" placeholder:"FILE" group:"Where the blocks are:" help:"Certificates that the server's is signed by. Without it, those of the machine."`

	To             string `placeholder:"URL" group:"Where the messages go:" help:"A server that gets them, beside who subscribes here."`
	ToUser         string `placeholder:"NAME" group:"Where the messages go:" help:"User name there."`
	ToPasswordFile string `type:"path" placeholder:"FILE" group:"Where the messages go:" help:"File with the password."`
	ToCAFile       string `name:"to-cafile" type:"path" placeholder:"FILE" group:"Where the messages go:" help:"As --cafile."`
	Prefix         string `placeholder:"LEVELS/" group:"Where the messages go:" help:"What stands before their topics, as 'fleet/'; without it they keep their own."`
	Listen         string `placeholder:"HOST:PORT" group:"Where the messages go:" help:"Where clients may subscribe. Without --to the default is 127.0.0.1:1883. Beyond this machine it needs --users-file."`
	UsersFile      string `type:"path" placeholder:"FILE" group:"Where the messages go:" help:"Who may; see skerry user. Without it, everybody on this machine."`

	ID   string `name:"id" placeholder:"NAME" help:"Name of this end: it is the beginning of its ClientIDs, so no other may have it. Without it, one of the machine."`
	Data string `type:"path" placeholder:"DIR" help:"Directory for what has come and what waits. It must last."`
}

// Help stands behind the flags.
func (*groundCmd) Help() string {
	return `Subscribes to the blocks that uplinks with the encoding pack send, and publishes each message in them once, under its own topic, with its payload,
QoS, RETAIN, and the time as user property ts: here, and on another server with --to. What has come is remembered in the data directory, over power cuts too.
The flags make a configuration, DIR/ground.yaml; it can be copied, changed, and given as FILE. More in docs/ground.md.

Examples:

    skerry ground --from tls://broker.example.org --user ground --password-file ground.pw --topics 'farm/+/+/pack/#' --data /var/lib/skerry-ground
    skerry ground ground.yaml
    skerry uplink status --store /var/lib/skerry-ground`
}

// Validate finds flags that do not go together; kong calls it.
func (c *groundCmd) Validate() error {
	flags := c.From != "" || len(c.Topics) > 0 || c.User != "" || c.PasswordFile != "" || c.CAFile != "" || c.to() || c.Prefix != "" || c.Listen != "" ||
		c.UsersFile != "" || c.ID != "" || c.Data != ""
	switch {
	case c.File != "" && flags:
		return errors.New("the file says it all (hint: leave the flags out, or the file)")
	case c.File != "":
		return nil
	case c.From == "":
		return errors.New("where are the blocks? (hint: --from tls://HOST, or a configuration file)")
	case len(c.Topics) == 0:
		return errors.New("which blocks? (hint: --topics 'farm/+/+/pack/#')")
	case c.Data == "":
		return errors.New("where is what has come remembered? (hint: --data /var/lib/skerry-ground)")
	case c.to() && c.To == "":
		return errors.New("--to-user, --to-password-file and --to-cafile need --to")
	case c.UsersFile != "" && c.To != "" && c.Listen == "":
		return errors.New("--users-file needs --listen beside --to")
	case c.UsersFile == "" && c.Listen != "" && !onlyHere(c.Listen):
		return fmt.Errorf("--listen %s is beyond this machine, and everybody could read there (hint: --users-file FILE, see skerry user; TLS is for a configuration file)", c.Listen)
	}
	return nil
}

// onlyHere tells whether an address is reached from this machine alone.
func onlyHere(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// to tells whether another server is meant.
func (c *groundCmd) to() bool {
	return c.To != "" || c.ToUser != "" || c.ToPasswordFile != "" || c.ToCAFile != ""
}

// Run runs the ground end until ctx ends.
func (c *groundCmd) Run(ctx context.Context) error {
	path := c.File
	if path == "" {
		path = filepath.Join(c.Data, "ground.yaml")
		if err := c.write(path); err != nil {
			return err
		}
	}
	cfg, err := load(path)
	if err != nil {
		return err
	}
	unpacks := func(u config.Uplink) bool {
		return slices.ContainsFunc(u.Receive, func(r config.Receive) bool { return r.Unpack })
	}
	if !slices.ContainsFunc(cfg.Uplinks, unpacks) {
		return fmt.Errorf(`%s: no uplink takes blocks apart (hint: uplinks.NAME.receive: {"farm/+/+/pack/#": {to: "#", unpack: true}})`, path)
	}
	return runStation(ctx, cfg, false)
}

// groundFile is the configuration that the flags make. JSON is YAML too.
type groundFile struct {
	Gateway *groundID               `json:"gateway,omitempty"`
	Storage groundStore             `json:"storage"`
	Broker  groundBroker            `json:"broker"`
	Uplinks map[string]groundUplink `json:"uplinks"`
}

type groundID struct {
	ID string `json:"id"`
}

type groundStore struct {
	Path string `json:"path"`
}

type groundBroker struct {
	UsersFile string                  `json:"users_file,omitempty"`
	Listeners map[string]groundListen `json:"listeners"`
}

type groundListen struct {
	TCP       string `json:"tcp"`
	Anonymous bool   `json:"anonymous,omitempty"`
}

type groundUplink struct {
	MQTT         string                   `json:"mqtt"`
	ClientID     string                   `json:"client_id"`
	User         string                   `json:"user,omitempty"`
	PasswordFile string                   `json:"password_file,omitempty"`
	TLS          *groundTLS               `json:"tls,omitempty"`
	Carry        *[]string                `json:"carry,omitempty"`
	Receive      map[string]groundReceive `json:"receive,omitempty"`
}

type groundTLS struct {
	CA string `json:"ca"`
}

type groundReceive struct {
	To     string `json:"to"`
	Unpack bool   `json:"unpack"`
}

// configuration is that of the flags.
func (c *groundCmd) configuration() *groundFile {
	f := &groundFile{Storage: groundStore{c.Data}, Broker: groundBroker{c.UsersFile, map[string]groundListen{}}, Uplinks: map[string]groundUplink{}}
	if c.ID != "" {
		f.Gateway = &groundID{c.ID}
	}
	if c.Listen == "" && c.To == "" {
		c.Listen = "127.0.0.1:1883"
	}
	if c.Listen != "" {
		f.Broker.Listeners["local"] = groundListen{c.Listen, c.UsersFile == ""}
	}
	from := uplinkTo(c.From, "{gateway}-from", c.User, c.PasswordFile, c.CAFile)
	from.Carry, from.Receive = &[]string{}, map[string]groundReceive{}
	for _, filter := range c.Topics {
		from.Receive[filter] = groundReceive{c.Prefix + "#", true}
	}
	f.Uplinks["from"] = from
	if c.To != "" {
		f.Uplinks["to"] = uplinkTo(c.To, "{gateway}-to", c.ToUser, c.ToPasswordFile, c.ToCAFile)
	}
	return f
}

func uplinkTo(url, id, user, passwordFile, ca string) groundUplink {
	u := groundUplink{MQTT: url, ClientID: id, User: user, PasswordFile: passwordFile}
	if ca != "" {
		u.TLS = &groundTLS{ca}
	}
	return u
}

// write writes the configuration of the flags. There are only the paths of secrets in it.
func (c *groundCmd) write(path string) error {
	text := bytes.NewBufferString("# Made by `skerry ground` of its flags, at each start. Copy it to change it, and give the copy: skerry ground FILE\n")
	e := json.NewEncoder(text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := errors.Join(e.Encode(c.configuration()), os.MkdirAll(c.Data, 0o700)); err != nil {
		return err
	}
	return os.WriteFile(path, text.Bytes(), 0o600)
}
