package health

import (
	"strconv"
	"strings"
)

// The codes. Behind each stands what its Subject is, and its Args where it has any.
const (
	NoAgents         Code = "no-agents"          // subject empty
	HomeMissing      Code = "home-missing"       // a variable; its value
	FolderUnreadable Code = "folder-unreadable"  // a folder
	FolderTooDeep    Code = "folder-too-deep"    // a root
	FileUnreadable   Code = "file-unreadable"    // a file
	FileIncomplete   Code = "file-incomplete"    // a compressed file
	FormatUnknown    Code = "format-unknown"     // a file; the agent
	ClockBehind      Code = "clock-behind"       // subject empty; how many files
	LinesSkipped     Code = "lines-skipped"      // an agent; how many lines
	WatchLimit       Code = "watch-limit"        // subject empty; how many folders are not watched
	WatchImpossible  Code = "watch-impossible"   // a folder; the kind of file system
	DatabaseDamaged  Code = "database-damaged"   // the database
	DatabaseRepaired Code = "database-repaired"  // the database; how many requests were saved, the damaged file
	DatabaseRestored Code = "database-restored"  // the database; how many requests were saved
	BackupMissing    Code = "backup-missing"     // the folder of backups; the reason, how old the newest is
	DatabaseNewer    Code = "database-newer"     // the database
	DatabaseForeign  Code = "database-foreign"   // the database
	DatabaseLocked   Code = "database-locked"    // the database
	DatabaseReadOnly Code = "database-read-only" // the database
	DatabaseFailed   Code = "database-failed"    // the database; the reason
	DatabaseMoved    Code = "database-moved"     // the database
	DiskFull         Code = "disk-full"          // the database
	PricesDiffer     Code = "prices-differ"      // a model; by how much, what the agent says it cost
	NoTrayHost       Code = "no-tray-host"       // subject empty
	NoSessionBus     Code = "no-session-bus"     // subject empty
	NoDisplay        Code = "no-display"         // subject empty
	NoOpenGL         Code = "no-opengl"          // subject empty
	WindowMissing    Code = "window-missing"     // where the program was looked for
	WindowFailed     Code = "window-failed"      // the window program; how it ended
	SettingsFailed   Code = "settings-failed"    // the file; why it cannot be read
	SettingsWrong    Code = "settings-wrong"     // a key of the settings; what is wrong with it
	PricesNotFetched Code = "prices-not-fetched" // the address; why not
	LoginNeeded      Code = "login-needed"       // an agent; why its login does not do, what to do
	AllowanceUnknown Code = "allowance-unknown"  // an agent; why its vendor gives no answer
	NoLink           Code = "no-link"            // the socket; the reason
)

// Explanation is a finding in words.
type Explanation struct {
	Title  string // one line, no full stop
	Text   string // what that means for the figures
	Action string // what a person can do
}

// Codes lists every code of the catalogue, in the order of its pages.
func Codes() []Code {
	list := make([]Code, len(catalog))
	for i := range catalog {
		list[i] = catalog[i].code
	}
	return list
}

// Explain puts a finding into words. A code that is not in the catalogue, as from a newer
// meter, gets words that say so.
func Explain(f Finding) Explanation {
	for i := range catalog {
		if catalog[i].code == f.Code {
			return catalog[i].fill(f)
		}
	}
	return Explanation{
		Title:  "Something is not as it should be",
		Text:   "The meter reports something that this program has no words for. They may be of different versions.",
		Action: "Quit Tokenmeter and start it again, so that both programs are of one version.",
	}
}

// page is a code's words. {} stands for the subject, {1} for the first argument.
type page struct {
	code                Code
	title, text, action string
}

func (p page) fill(f Finding) Explanation {
	pairs := []string{"{}", f.Subject}
	for i := range 3 {
		value := "?"
		if i < len(f.Args) {
			value = f.Args[i]
		}
		pairs = append(pairs, "{"+strconv.Itoa(i+1)+"}", value)
	}
	r := strings.NewReplacer(pairs...)
	return Explanation{Title: r.Replace(p.title), Text: r.Replace(p.text), Action: r.Replace(p.action)}
}

// catalog is never changed.
var catalog = [...]page{
	{NoAgents,
		"No agent logs found",
		"None of the folders where coding agents keep their logs is on this machine, so there is nothing to count yet.",
		"Use an agent once, and its figures appear here by themselves. `tokenmeter doctor` lists where was looked, `tokenmeter demo` shows the app with made-up agents."},
	{HomeMissing,
		"{} points to a folder that is not there",
		"The variable {} is set to {1}. The agent's usual folders are not read while it is set, so its figures are missing.",
		"Correct or unset {} where Tokenmeter is started, or create the folder."},
	{FolderUnreadable,
		"A log folder cannot be read: {}",
		"Its logs are not counted. What had been counted before stays.",
		"Give your user the right to read and enter {}. It is tried again by itself."},
	{FolderTooDeep,
		"Folders are nested too deep in {}",
		"Some paths are longer than the system can open, so logs down there are not counted. All others are.",
		"Move the deepest folders of {} nearer to its top, or delete them if nothing is needed there."},
	{FileUnreadable,
		"A log file cannot be read: {}",
		"What it holds is not counted yet. All other files are.",
		"Give your user the right to read {}. It is tried again by itself; if the disk is failing, save your files first."},
	{FileIncomplete,
		"A compressed log cannot be unpacked in full: {}",
		"It is cut off, damaged or too large. What could be unpacked is counted, the rest is missing.",
		"If the agent is still writing it, nothing needs to be done. Else restore {} from a backup."},
	{FormatUnknown,
		"A log has an unknown form: {}",
		"It was written by a version of {1} that this Tokenmeter does not know, so it is not counted.",
		"Update Tokenmeter. The file is read as soon as its form is known."},
	{ClockBehind,
		"Logs are dated in the future of this machine's clock",
		"Either the clock is behind now, or it ran ahead when {1} of the logs were written. Their requests are counted on the day on which they were first seen.",
		"Look whether date, time and zone of this machine are right. Once they are, requests get their own dates by themselves; if they are right already, nothing needs to be done."},
	{LinesSkipped,
		"Damaged lines in the logs of {}: {1}",
		"They could not be read, so the figures may be a little too low. All other lines are counted.",
		"Nothing needs to be done. Such lines come from a crash or a full disk while the agent was writing."},
	{WatchLimit,
		"The system's limit of watched folders is reached",
		"{1} folders are looked at every few seconds instead of being watched, so their figures come a little later.",
		"Raise the limit with `sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024` (Linux), or close programs that watch many files, then start Tokenmeter again."},
	{WatchImpossible,
		"Changes cannot be watched in {}",
		"It lies on a file system ({1}) that does not tell of every change. It is looked at every few seconds, so its figures come a little later.",
		"Nothing needs to be done. For figures at once, keep the agent's logs on a disk of this machine."},
	{DatabaseDamaged,
		"The database is damaged",
		"The file {} cannot be read in full ({1}), so nothing new is written to it. The next Tokenmeter that may write there repairs it by itself.",
		"Run `tokenmeter scan`, unless Tokenmeter is running: it sets the file aside, saves what can be read of it, takes the rest from the newest backup and reads all logs again. If this stays, check the disk, and that your user may write to the folder."},
	{DatabaseRepaired,
		"The database was damaged and has been repaired ({1} requests saved)",
		"What could still be read of it, and what the newest backup had, was taken over; then all logs that are still there were read again. The damaged file is kept at {2}.",
		"Check the disk, because such damage mostly comes from a failing one or a loss of power. When the figures look right, delete {2}. To go back to a daily backup instead, quit Tokenmeter and copy one from the folder `backup` over the database."},
	{DatabaseRestored,
		"The database was missing and has been restored from a backup ({1} requests)",
		"There was no usable file at {}. The newest backup was taken, and all logs that are still there were read again.",
		"If you removed the database to begin anew, quit Tokenmeter and remove the folder `backup` beside it as well. Else check the disk, and what removes files there."},
	{BackupMissing,
		"The database is not backed up",
		"No copy could be made in {}: {1}; {2}. History that is older than the logs exists once only.",
		"Free some space on that disk, and see that your user may write to the folder. It is tried again by itself."},
	{DatabaseNewer,
		"The database is from a newer Tokenmeter",
		"{} was written by a newer version. It is left as it is, and nothing new is counted.",
		"Update Tokenmeter, or choose another data folder with --data-dir."},
	{DatabaseForeign,
		"The database is another program's",
		"{} was not made by Tokenmeter. It is left as it is, and nothing new is counted.",
		"Move {} away, or choose another data folder with --data-dir."},
	{DatabaseLocked,
		"Another program holds the database",
		"{} is in use, so what is new waits in the logs. Nothing is lost.",
		"Close the other program that has {} open, for instance a database browser. The running meter tries again by itself."},
	{DatabaseReadOnly,
		"The database cannot be written",
		"{} or its folder is read-only, so what is new waits in the logs. Nothing is lost.",
		"Give your user the right to write to the folder of {}, or choose another with --data-dir."},
	{DatabaseFailed,
		"The database cannot be used",
		"Reading or writing {} failed. What is new waits in the logs. Nothing is lost.",
		"Check the disk that holds {} if this stays. The running meter tries again by itself."},
	{DatabaseMoved,
		"The database was removed or replaced while Tokenmeter was running",
		"What is at {} now is used, and all logs that are still there are read into it. Requests whose logs are gone may be missing.",
		"If you did not do that, find out which program removes or replaces files in that folder. To have an older file back, quit Tokenmeter first, then put it there."},
	{DiskFull,
		"The disk is full",
		"There is no room to write {}. What is new waits in the logs. Nothing is lost.",
		"Free some space on the disk that holds {}. The running meter tries again by itself."},
	{PricesDiffer,
		"Our prices of {} differ from the agent's own by {1}",
		"Of the sessions whose cost the agent sums up itself ({2}), these prices give a sum that is {1} off. One of the two lists is wrong or older, or a service at another price was used, which such sums do not tell.",
		"Compare the price of {} with its vendor's page. `tokenmeter doctor` lists both sums; a newer Tokenmeter may have newer prices."},
	{NoTrayHost,
		"This desktop shows no tray",
		"There is no place for the tray item, so Tokenmeter works as an ordinary window.",
		"On GNOME, install and enable the extension AppIndicator. On other desktops, add a system tray to the panel."},
	{NoSessionBus,
		"There is no session bus",
		"Without D-Bus there is no tray item and no notification. Counting, window and terminal work.",
		"Start Tokenmeter from within your desktop session, or through `dbus-run-session`."},
	{NoDisplay,
		"There is no display",
		"No window can be shown. Counting and all terminal commands work.",
		"Start Tokenmeter from within a desktop session, or use `tokenmeter status` and `tokenmeter history`."},
	{NoOpenGL,
		"The window needs OpenGL, which is missing",
		"The system library for drawing (libGL) is not installed, so no window can be shown. Tray, counting and terminal work.",
		"Install it: `sudo apt install libgl1` (Debian, Ubuntu), `sudo dnf install libglvnd-glx` (Fedora), `sudo pacman -S libglvnd` (Arch)."},
	{WindowMissing,
		"The window program is missing",
		"`tokenmeter-window` is neither beside `tokenmeter` nor in the search path ({}). Tray, counting and terminal work.",
		"Install Tokenmeter again, or put `tokenmeter-window` beside `tokenmeter`."},
	{WindowFailed,
		"The window does not start",
		"{} ended by itself ({1}). Tray, counting and terminal work.",
		"Run `tokenmeter-window` in a terminal to see what it says. If it names a library, install that; else install Tokenmeter again."},
	{SettingsFailed,
		"The settings cannot be read",
		"{1}. Until that is mended, the defaults count: prices of your own, mappings and the currency are not in force. The file is left as it is.",
		"Mend {}, or rename it and begin a new one with `tokenmeter price`."},
	{SettingsWrong,
		"A setting is not in force: {}",
		"{1}. The rest of the settings counts.",
		"Correct it in the file settings.toml of the data folder, which `tokenmeter doctor` names."},
	{PricesNotFetched,
		"New prices could not be fetched",
		"{1}. The prices that are here stay in force; it is tried again in a day or more.",
		"Look whether {} can be reached from here and gives a table of prices, or set refresh = false in settings.toml."},
	{LoginNeeded,
		"{} does not tell the current allowance: a new login is needed",
		"{1}. Tokenmeter only reads the agent's login and never renews it. Until then the allowance is what the logs say.",
		"{2}. It is tried again as soon as the login is another."},
	{AllowanceUnknown,
		"{} could not be asked for the current allowance",
		"{1}. The allowance is what the logs say meanwhile; it is tried again in five minutes to an hour.",
		"Nothing needs to be done if this passes. Else switch it off in settings.toml, under [network]."},
	{NoLink,
		"Window and terminal cannot reach the meter",
		"The socket {} could not be made ({1}). Tray and counting work; the window follows a little later, and `tokenmeter quit` does not work.",
		"Give your user the right to write to the folder of {}, or choose another data folder with --data-dir, then start Tokenmeter again."},
}
