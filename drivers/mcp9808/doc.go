// Package mcp9808 reads the Microchip MCP9808 on I2C: temperature to a quarter of a degree, through periph.io/x/devices/v3/mcp9808.
//
// # Guarantees
//
// The chip is identified by its manufacturer's and its own id (registers 6 and 7). The chip measures all the time; a reading is at most
// 250 ms old.
//
// # Limits
//
// The alert pin is not used.
//
// Source: Microchip DS25095A, "MCP9808".
package mcp9808
