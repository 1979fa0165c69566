// Package pricing says which prices are in force on this machine: the built-in table or a
// newer one that was fetched, and over it what the user entered in the settings.
//
// It owns that choice and its version, by which the store notices that costs have to be done
// again, and the fetched table's file in the data folder. How a request is priced is for
// package price, what the settings mean for package settings. It never opens a connection by
// itself: Refresh asks package network, with the permission that the settings give.
//
// A Prices may be used from any goroutine. The table is parsed when the first price is
// asked for, because most commands never ask.
package pricing
