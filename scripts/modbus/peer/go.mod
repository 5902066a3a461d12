module skerry/scripts/modbus/peer

go 1.26.0

require (
	github.com/creack/pty v1.1.24
	github.com/simonvetter/modbus v1.6.3
	skerry v0.0.0
)

require (
	github.com/goburrow/serial v0.1.0 // indirect
	periph.io/x/conn/v3 v3.7.2 // indirect
)

replace skerry => ../../..
