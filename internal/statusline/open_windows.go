package statusline

// noWait is not needed: there are no pipes in folders.
const noWait = 0
