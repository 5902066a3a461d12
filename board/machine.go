package board

import (
	"cmp"
	"io/fs"
	"runtime"
	"strings"
)

// model is the name of the machine: "Raspberry Pi 4 Model B Rev 1.4". It stands in the device tree, which boards have, or in the
// DMI table, which PCs have. root is the root of the file system.
func model(root fs.FS) string {
	if name := first(root, "proc/device-tree/model", "sys/firmware/devicetree/base/model"); name != "" {
		return name
	}
	vendor, product := first(root, "sys/class/dmi/id/sys_vendor"), first(root, "sys/class/dmi/id/product_name")
	return cmp.Or(strings.TrimSpace(vendor+" "+product), "unknown board ("+runtime.GOARCH+")")
}

// first gives the contents of the first file that has any. Strings of the device tree end with a zero byte.
func first(root fs.FS, paths ...string) string {
	for _, path := range paths {
		b, err := fs.ReadFile(root, path)
		if s := strings.TrimSpace(strings.TrimRight(string(b), "\x00\n")); err == nil && s != "" {
			return s
		}
	}
	return ""
}
