package main

import (
	"bytes"
	"fmt"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"skerry/board"
)

// spiFlash reads the name of a flash chip, a W25Q80: command 9F of JEDEC JESD216, three bytes back.
func spiFlash(b *board.Board) {
	port, err := b.SPI("")
	check("an SPI port opened", err)
	if err != nil {
		return
	}
	defer port.Close()
	conn, err := port.Connect(physic.MegaHertz, spi.Mode0, 8)
	check("an SPI port set up", err)
	if err != nil {
		return
	}
	// The emulated chip sends three bytes of more behind its name; reading all leaves it idle, as it does not see its chip select.
	r := make([]byte, 7)
	err = conn.Tx([]byte{0x9F, 0, 0, 0, 0, 0, 0}, r)
	if err == nil && !bytes.Equal(r[1:4], []byte{0xEF, 0x50, 0x14}) {
		err = fmt.Errorf("read % x", r)
	}
	check("the name of a chip on SPI", err)
}
