// Package board is the machine that the gateway runs on.
package board
