package board

import (
	"bytes"
	"os"
	"path/filepath"
)

// identities are where a kernel shows what tells a machine from others. Those of the board come first: they are not on the card, so that a
// copy of it does not have them. The machine-id is: it tells a copy of the data alone from the machine.
var identities = []string{
	"sys/firmware/devicetree/base/serial-number", // Raspberry Pi and others with a device tree; every user can read it
	"sys/class/dmi/id/product_uuid",              // machines with a BIOS; root only
	"sys/class/dmi/id/board_serial",
	"etc/machine-id",
}

// Identity is what tells this machine from others, the name of the source before it; nil if nothing does. It is no secret: see the package
// that makes a key of it.
func Identity() []byte { return identityIn("/") }

func identityIn(root string) []byte {
	for _, source := range identities {
		b, err := os.ReadFile(filepath.Join(root, source))
		b = bytes.Trim(b, "\x00 \r\n\t")
		if err != nil || len(bytes.Trim(b, "0-")) == 0 {
			continue // not there, or a blank that every such board has
		}
		return append([]byte(source+"\x00"), b...)
	}
	return nil
}
