// Package modem watches the modem of a link: how well it hears the network, under which operator, and what an uplink does about it. It
// also brings back a modem that hangs, step by step.
//
// # Vocabulary
//
// A source is where the figures come from: AT commands on a serial port, or ModemManager through its program mmcli. A [Sample] is what one
// poll gave. The score is 0 to 100, of all figures of a sample the worst; the [Band] is the score after hysteresis, and [EffectsOf] the one
// table that says what a band changes. To hold a class back is not to send its messages for now; they stay in the log. The [Ladder] is the
// order of steps by which a link that stays down is brought back: reconnect, bearer, radio, power.
//
// # Guarantees
//
// Nothing here sends a byte on the air that is billed: commands only ask the modem what it knows, or switch its radio and its context, which
// is signalling. The modem is polled every 30 s and no faster. No class is held back longer than 10 minutes at a stretch, and alarms never are.
// After three polls without an answer the signal is unknown, which is treated as fair: a modem that is not seen slows nothing down.
//
// Whatever a serial port says, or does not say, ends in a sample or an error within a bounded time: torn lines, garbage, echo, lines
// that nobody asked for, answers that come late, and ports that go away and return. A late answer is not taken for that of the next command.
//
// Each step of the ladder has a shortest distance to the time before, which doubles with every use until a connection has stood. The count
// is handed out to be stored before a step is taken, so that a machine which the step itself restarts does not repeat it at once.
//
// # Limits
//
// The port must be one that is not used for data: a modem has several, and AT commands written into a PPP connection would be sent.
// Of several modems ModemManager's first is taken. There is no standard AT command for the signal to noise ratio of LTE: it comes from
// ModemManager only, and for 5G from AT+CESQ of newer modems.
package modem
