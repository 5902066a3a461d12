// Package house holds the tests that keep the house in order: which package may lean on which (the floors), what stands
// at the top level, who may touch files, sockets and hardware libraries, and how long functions and files may become.
//
// Vocabulary: a floor is a number; a package imports only packages of lower floors. A budget is a limit with a list of
// named exceptions, each with its reason.
//
// Guarantee: a new package without a floor fails the test, so the decision is taken when the package is made.
//
// Limit: the tests read import clauses and declarations; they do not follow calls through interfaces or reflection.
package house
