// Package nmea is one driver; its documentation is docs/sensors/nmea.md.
package nmea
