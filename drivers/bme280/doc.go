// Package bme280 is one driver; its documentation is docs/sensors/bme280.md.
package bme280
