package board

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"unsafe"
)

// smbusCall is one call of the kernel's SMBus interface, for adapters that make no plain I2C transfers: those of PC mainboards and
// some on USB.
type smbusCall struct {
	need    uint32 // what the adapter must be able to do, as a bit of its functions
	size    uint32 // the kind of call
	read    byte
	command byte
	data    smbusData
	back    int // bytes that are read
}

// smbusData is union i2c_smbus_data: a byte, a word, or a block with its length before it.
type smbusData [34]byte

// smbusArgument is struct i2c_smbus_ioctl_data.
type smbusArgument struct {
	read    byte
	command byte
	size    uint32
	data    *smbusData
}

// From linux/i2c.h.
const (
	funcReadByte      = 0x00020000
	funcWriteByte     = 0x00040000
	funcReadByteData  = 0x00080000
	funcWriteByteData = 0x00100000
	funcReadWordData  = 0x00200000
	funcWriteWordData = 0x00400000
	funcProcessCall   = 0x00800000
	funcReadBlock     = 0x04000000
	funcWriteBlock    = 0x08000000

	smbusByte        = 1
	smbusByteData    = 2
	smbusWordData    = 3
	smbusProcessCall = 4
	smbusBlock       = 8 // I2C_SMBUS_I2C_BLOCK_DATA: its length is not sent over the bus

	maxBlock = 32
)

// smbusCalls are the calls whose bits on the bus are exactly those of a transfer of that many bytes. lengths -1 stands for a block.
// SMBus 3.2, 6.5; the block is the kernel's I2C block, Documentation/i2c/smbus-protocol.rst.
var smbusCalls = []struct {
	written, back int
	need, size    uint32
}{
	{0, 1, funcReadByte, smbusByte},
	{1, 0, funcWriteByte, smbusByte},
	{2, 0, funcWriteByteData, smbusByteData},
	{3, 0, funcWriteWordData, smbusWordData},
	{1, 1, funcReadByteData, smbusByteData},
	{1, 2, funcReadWordData, smbusWordData},
	{3, 2, funcProcessCall, smbusProcessCall},
	{-1, 0, funcWriteBlock, smbusBlock},
	{1, -1, funcReadBlock, smbusBlock},
}

// mapSMBus finds the call for a transfer. What has none is an error: two calls in its place would be another thing on the bus.
func mapSMBus(funcs uint32, w, r []byte) (smbusCall, error) {
	var missing []string
	for _, kind := range smbusCalls {
		if !fits(kind.written, len(w), 2) || !fits(kind.back, len(r), 1) {
			continue
		}
		if funcs&kind.need == 0 {
			missing = append(missing, fmt.Sprintf("%#x", kind.need))
			continue
		}
		return newSMBusCall(kind.need, kind.size, w, r), nil
	}
	what := fmt.Sprintf("writing %d and reading %d bytes in one transfer", len(w), len(r))
	hint := "connect the device to an adapter that makes plain I2C transfers"
	if len(missing) > 0 {
		return smbusCall{}, fmt.Errorf("%s is not among what this SMBus adapter does (functions %#x, needed is one of %v); %s", what, funcs, missing, hint)
	}
	return smbusCall{}, fmt.Errorf("%s does not exist on SMBus, and the adapter knows nothing else; %s", what, hint)
}

// fits tells whether n bytes are the length wanted, or, of a block, at least least and not too many.
func fits(want, n, least int) bool {
	if want >= 0 {
		return n == want
	}
	return n >= least && n <= maxBlock+least-1
}

func newSMBusCall(need, size uint32, w, r []byte) smbusCall {
	c := smbusCall{need: need, size: size, back: len(r)}
	if len(r) > 0 {
		c.read = 1
	}
	if len(w) == 0 {
		return c
	}
	c.command = w[0]
	c.put(w[1:])
	return c
}

// put lays the bytes out as the kernel wants them: a word is a number of the machine, its lower byte goes over the bus first.
func (c *smbusCall) put(b []byte) {
	switch c.size {
	case smbusWordData, smbusProcessCall:
		if len(b) == 2 {
			binary.NativeEndian.PutUint16(c.data[:], binary.LittleEndian.Uint16(b))
		}
	case smbusBlock:
		if c.read != 0 {
			c.data[0] = byte(c.back)
			return
		}
		c.data[0] = byte(len(b))
		copy(c.data[1:], b)
	default:
		copy(c.data[:], b)
	}
}

// take gives what was read.
func (c *smbusCall) take(r []byte) error {
	switch c.size {
	case smbusWordData, smbusProcessCall:
		if len(r) == 2 {
			binary.LittleEndian.PutUint16(r, binary.NativeEndian.Uint16(c.data[:]))
		}
	case smbusBlock:
		if len(r) > 0 && int(c.data[0]) != len(r) {
			return fmt.Errorf("the adapter read %d bytes of %d", c.data[0], len(r))
		}
		copy(r, c.data[1:])
	default:
		copy(r, c.data[:])
	}
	return nil
}

// smbus makes a transfer by a call of SMBus. The address was set before.
func smbus(fd int, funcs uint32, w, r []byte) error {
	c, err := mapSMBus(funcs, w, r)
	if err != nil {
		return err
	}
	argument := smbusArgument{read: c.read, command: c.command, size: c.size, data: &c.data}
	err = ioctl(fd, ioctlI2CSMBus, unsafe.Pointer(&argument))
	runtime.KeepAlive(&c)
	if err != nil {
		return err
	}
	return c.take(r)
}

// errNoTransfers is of an adapter that does neither.
var errNoTransfers = errors.New("the adapter makes neither I2C nor SMBus transfers")
