package main

import (
	"os"
	"strings"
)

// powercutCmd is `skerry powercut`.
type powercutCmd struct {
	Write powercutWriteCmd `cmd:"" help:"Write to a card until its power goes."`
	Check powercutCheckCmd `cmd:"" help:"Say, after the restart, what the card has kept."`
	Tally powercutTallyCmd `cmd:"" help:"Say what all rounds together came to."`
}

// Help stands behind the verbs.
func (*powercutCmd) Help() string {
	return `A test of your own card or disk: does it keep what it confirms when the power goes, and does it leave alone what nobody writes?
Skerry acknowledges a message when the card has confirmed it; what this test finds is what an acknowledgement is worth on yours.

A round: write, pull the plug when it says so, start the machine again, check. The number of the last confirmed write must be known
somewhere else than on the machine whose power goes: on the screen of another machine that watches over ssh, in a file on another
disk (--journal), or on an MQTT server elsewhere (--report). One round proves little; do ten.

    skerry powercut write ~/cardtest
    ... confirmed 4211 ... pull the plug, start again ...
    skerry powercut check ~/cardtest --confirmed 4211

It needs no root, and 50 MB in a directory of its own, which may be removed in the end. It harms nothing else - as far as the card is
honest.`
}

// kernelBoot is what changes with every start of the kernel.
func kernelBoot() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
