package domain

import (
	"iter"
	"strings"
)

// Conditions of RFC 9110, 13.1. All that have an ETag are asked by these two, whatever the thing.

// MatchesETag tells whether an If-Match header allows a resource with that ETag, by strong comparison: an empty
// header, `*`, or a list that names it. A weak tag matches nothing. A missing resource has the ETag "", which only an
// empty header allows.
func MatchesETag(ifMatch, etag string) bool {
	if strings.TrimSpace(ifMatch) == "" {
		return true
	}
	for tag := range entityTags(ifMatch) {
		if tag == "*" && etag != "" || tag == etag && !strings.HasPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// NamesETag tells whether an If-None-Match names the ETag, by the weak comparison.
func NamesETag(ifNoneMatch, etag string) bool {
	for tag := range entityTags(ifNoneMatch) {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// entityTags are the tags of a list; a comma between quotes is part of a tag. `*` is one alone.
func entityTags(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if list = strings.Trim(list, " \t"); list == "*" {
			yield("*")
			return
		}
		for list != "" {
			open := strings.IndexByte(list, '"')
			if open < 0 {
				return
			}
			weak := strings.HasSuffix(strings.Trim(list[:open], " \t,"), "W/")
			length := strings.IndexByte(list[open+1:], '"')
			if length < 0 {
				return
			}
			tag := list[open : open+length+2]
			if weak {
				tag = "W/" + tag
			}
			if !yield(tag) {
				return
			}
			list = list[open+length+2:]
		}
	}
}
