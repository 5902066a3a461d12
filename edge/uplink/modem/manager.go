package modem

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"
)

// manager is a modem that ModemManager has.
type manager struct {
	mmcli
	every  time.Duration
	apn    string // of the bearer
	bearer string // whose APN is known
	asked  bool   // ModemManager was asked to measure
	woken  bool   // it was seen, and switched on if it was off
	log    *slog.Logger
}

func newManager(o Options) *manager {
	return &manager{mmcli: mmcli{o.Program, 2 * o.Patience}, every: o.Every, log: o.Log.With("modem", o.Modem)}
}

func (m *manager) name() string { return "modemmanager" }

func (m *manager) close() error { return nil }

// read asks ModemManager what it knows. Only that there is a modem is needed: without the figures of the signal there is the percentage.
func (m *manager) read(ctx context.Context) (Sample, error) {
	out, err := m.run(ctx, "-m", "any", "-J")
	if err != nil {
		m.asked = false
		return Sample{}, err
	}
	state, err := parseModem(out)
	if err != nil {
		return Sample{}, err
	}
	s := state.Sample
	if off := state.state == "disabled"; off && !m.woken { // it may be this program that was ended while it was; later somebody wants it so
		m.log.Warn("the modem was switched off; it is switched on")
		if _, err := (mmcli{m.program, radioPatience}).run(ctx, "-m", "any", "--enable"); err != nil {
			m.log.Warn("the modem cannot be switched on", "err", err)
		}
	}
	m.woken = true
	if s.Trouble = state.trouble(); s.Trouble != "" {
		return s, nil
	}
	if err := m.measure(ctx, &s); err != nil {
		return s, err
	}
	if s.APN, err = m.contextOf(ctx, state); err != nil {
		return s, err
	}
	return s, nil
}

// trouble says why a modem cannot be used; empty: it can.
func (s modemState) trouble() string {
	switch {
	case s.failed == "sim-missing":
		return "the modem has no SIM (hint: put the SIM in; many holders want it face down)"
	case s.failed != "":
		return fmt.Sprintf("the modem failed: %s (hint: mmcli -m any shows more)", shorten(s.failed))
	case s.state == "locked":
		return fmt.Sprintf("the SIM is locked: %s (hint: mmcli -i 0 --pin=1234, or switch the PIN off)", shorten(s.lock))
	case s.state == "disabled":
		return "the modem is switched off (hint: mmcli -m any --enable, or let NetworkManager do it)"
	}
	return ""
}

// measure adds the figures of the signal. ModemManager has them only if it was asked to measure, which some users may not.
func (m *manager) measure(ctx context.Context, s *Sample) error {
	out, err := m.run(ctx, "-m", "any", "--signal-get", "-J")
	if err != nil {
		return quieten(ctx, err)
	}
	rsrp, rsrq, snr, rssi, rate, err := parseSignal(out)
	if err != nil {
		return nil
	}
	s.RSRP, s.RSRQ, s.SNR = rsrp, rsrq, snr
	if rssi.Known { // the scale of AT+CSQ
		s.CSQ = At(math.Round(min(max((rssi.Value+113)/2, 0), 31)))
	}
	switch {
	case rate > 0:
		m.asked = false // a modem that is switched off and on must be asked again
	case !m.asked:
		m.asked = true
		_, err = m.run(ctx, "-m", "any", fmt.Sprintf("--signal-setup=%d", max(m.every/time.Second, 1)))
		return quieten(ctx, err)
	}
	return nil
}

// quieten passes over what is no reason to have no sample.
func quieten(ctx context.Context, err error) error {
	if err != nil && (ctx.Err() != nil || errors.Is(err, ErrNoModem) || errors.Is(err, ErrNotRunning) || errors.Is(err, ErrNoModemManager)) {
		return err
	}
	return nil
}

// contextOf gives the APN in use: that of the bearer, which is asked once for each bearer, or else that of the attachment.
func (m *manager) contextOf(ctx context.Context, s modemState) (string, error) {
	if !strings.HasPrefix(s.bearer, "/") {
		m.bearer = ""
		return s.APN, nil
	}
	if s.bearer != m.bearer {
		out, err := m.run(ctx, "-b", s.bearer, "-J")
		if err != nil {
			return s.APN, quieten(ctx, err)
		}
		d, err := parseDocument(out)
		if err != nil {
			return s.APN, nil
		}
		m.bearer, m.apn = s.bearer, shorten(d.text("bearer", "properties", "apn"))
	}
	if m.apn == "" {
		return s.APN, nil
	}
	return m.apn, nil
}

// bounce takes the bearer down and up again. NetworkManager, where it has the connection, may bring it up first: that is as good.
func (m *manager) bounce(ctx context.Context) error {
	out, err := m.run(ctx, "-m", "any", "-J")
	if err != nil {
		return err
	}
	state, err := parseModem(out)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(state.bearer, "/") {
		return errors.New("the modem has no bearer (hint: connect it once: nmcli connection add type gsm apn NAME)")
	}
	long := mmcli{m.program, attachPatience}
	if _, err := long.run(ctx, "-b", state.bearer, "--disconnect"); err != nil {
		return err
	}
	if _, err = long.run(ctx, "-b", state.bearer, "--connect"); err == nil {
		return nil
	}
	if out, again := m.run(ctx, "-b", state.bearer, "-J"); again == nil {
		if d, bad := parseDocument(out); bad == nil && d.text("bearer", "status", "connected") == "yes" {
			return nil
		}
	}
	return err
}

// radio switches the modem off and on. It is switched on whatever became of the first.
func (m *manager) radio(ctx context.Context) error {
	long := mmcli{m.program, attachPatience}
	_, off := long.run(ctx, "-m", "any", "--disable")
	pause(ctx, radioOff)
	on, cancel := context.WithTimeout(context.WithoutCancel(ctx), attachPatience)
	defer cancel()
	if _, err := long.run(on, "-m", "any", "--enable"); err != nil {
		return err
	}
	return off
}
