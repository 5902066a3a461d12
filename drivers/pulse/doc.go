// Package pulse is one driver; its documentation is docs/sensors/pulse.md.
package pulse
