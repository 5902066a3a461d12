package config

import (
	"slices"
	"strings"
)

// synonyms are words that people bring from other programs.
var synonyms = map[string]string{
	"interval": "every", "period": "every", "update_interval": "every", "rate": "every",
	"password": "password_file", "pass": "password_file", "username": "user", "login": "user",
	"url": "mqtt", "server": "mqtt", "host": "mqtt", "broker": "mqtt", "servers": "mqtt",
	"platform": "driver", "type": "driver", "module": "driver",
	"topics": "match", "filter": "match", "filters": "match", "subscribe": "receive",
	"dir": "path", "directory": "path", "data": "path", "baudrate": "baud", "clientid": "client_id",
	"scale": "multiply", "factor": "multiply", "range": "valid", "name": "id", "certificate": "cert", "cafile": "ca",
	"protocol": "version", "protocol_version": "version", "port": "tcp", "unit_of_measurement": "unit", "users": "users_file",
}

// suggest says what somebody who wrote word may have meant, or what there is to choose from.
func suggest(word string, choices []string) string {
	if s := synonyms[strings.ToLower(word)]; slices.Contains(choices, s) {
		return "did you mean " + s + "?"
	}
	best, least := "", max(1, len(word)/3)
	for _, c := range choices {
		if len(c) > 2 && strings.HasPrefix(word, c) || len(word) > 2 && strings.HasPrefix(c, word) {
			return "did you mean " + c + "?"
		}
		if n := distance(strings.ToLower(word), strings.ToLower(c)); n <= least && (best == "" || n < least) {
			best, least = c, n
		}
	}
	if best != "" && least < len(best) {
		return "did you mean " + best + "?"
	}
	if len(choices) == 0 || len(choices) > 24 {
		return ""
	}
	return "allowed: " + strings.Join(choices, ", ")
}

// distance counts the letters to insert, drop, change or swap with a neighbour to get from a to b. Words much longer than any
// key are told apart by their length alone.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	var before, last, row []int
	for i := range len(a) + 1 {
		row = make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			if i == 0 {
				row[j] = j
				continue
			}
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return row[len(b)]
}
