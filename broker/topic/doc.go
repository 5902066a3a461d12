// Package topic holds the rules for Topic Names and Topic Filters, and the two trees that a Server looks them up in.
//
// Vocabulary: a Topic Name is what a message is published to; a Topic Filter is what a subscription asks for; both are
// levels divided by "/". In a filter "+" stands for one whole level and "#" for all that remain, the parent included
// (MQTT 5.0 section 4.7). [Tree] maps filters to subscribers and is asked with a name; [Names] maps names to values (the
// retained messages) and is asked with a filter.
//
// Guarantees: [Tree.Match] and [Snapshot.Match] take no lock, allocate nothing beyond the growth of the caller's slice,
// and see each change whole or not at all. A change copies only the path to what changed, so that subscribing to the ten
// thousandth filter costs as much as to the first. A filter without wildcards costs one lookup however deep it is.
//
// Limits: names and filters have at most [MaxLength] bytes and [MaxLevels] levels; the trees take what [ValidName],
// [ValidFilter] accepted and do not check again. All subscribers of one filter are one slice, which is copied when one of
// them comes or goes.
package topic
