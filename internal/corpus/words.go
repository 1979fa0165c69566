package corpus

import "strings"

// The words that all text is made of.
var (
	englishWords = strings.Fields(`a about above account across add after again against all allow almost along already also always amount an and another answer any
		appear apply archive around as ask at attempt avoid back balance basket batch be because become before begin behind below beside best better between beyond
		block body border both bottom bound branch break bridge bring buffer build bundle button by cache call can careful carry case catch cause change channel
		check child choose clear client clock close column come command common compare compile complete connect consider contain copy correct cost count cover
		create current customer cut damage database day decide deep default delay delete deliver depend describe design detail develop device differ direct
		discount divide document does done double down draft draw drop during each early edge edit effect either else empty enable encode end enough enter entry
		equal error even event every exact example except exist expect explain export extend extra factor fail fall family far fast fault feature few field file
		fill filter final find finish first fix fold folder follow for force foreign form found four frame free from front full function further future gap gather
		general get give global go good grant graph great ground group grow guard guess half handle happen hard has have header hear help here hide high hold home
		hour how however identify if ignore image import improve in include index inside instead into invoice is issue it item join journal jump just keep key
		kind know label language large last late later lead leak learn least leave left length less let level library lift like limit line link list little load
		local lock log long look lose loop lower made main make manage manner many map mark match matter may mean measure member memory merge message method
		middle migrate minute miss model module moment month more most mount move much must name narrow near need network never new next night no node none normal
		not note nothing notice now number object observe of off offer often old on once one only open option or order other out outside over own pack page pair
		part pass past patch path pause people per perhaps permit pick piece place plain plan play please point possible power prefer prepare present press
		prevent price print private problem process produce profile program promise proof proper protect prove public pull purpose push put quarter query
		question queue quick quite raise random range rather reach read ready real reason receive record reduce refer refuse region release remain remember
		remove repeat replace report request require reset resolve rest result return reverse review right river root round row rule run safe same save say scan
		schema scope screen search second section see seem select send separate server session set several shape share sheet shift ship short should show side
		sign signal simple since single site size skip slow small so some soon sort source space speak special split stage stand start state stay step still
		stock stop store stream string strong structure such sum supply support sure switch system table take target task tell test text than that the then there
		these they thing think this three through throw ticket time to today together token too tool top total touch track transfer tree trial true try turn two
		type under unit unless until up update upper use user usual value various verify version very view visit wait walk want warn watch way week weight well
		what when where whether which while who whole why wide will window wire with within without word work world worth would write wrong year yes yet you zero`)
	germanWords = strings.Fields(`ab aber Abfrage Abschnitt alle als also Änderung Anfang Anfrage Antwort auch auf Aufgabe aus Auswahl bei beide Beispiel besser bis
		bleibt Brücke Datei Daten Datenbank dann darf das dass dem den der deshalb die dieser doch dort durch eben ein eine einfach Eingabe einige Ende enthält
		er Ergebnis erst es etwas Fehler Fehlermeldung fertig Fläche folgt fünf für ganz gegen Gerät gibt gleich Größe größer gut hält hat heißt hier hinter ich
		ihr im immer in ist ja jede jetzt kann kein keine Kunde länger läuft Lösung löschen macht mehr mit Möglichkeit müssen nach nächste nicht noch nötig nun nur
		oben oder ohne öffnen Ordner prüfen Prüfung Quelle Rechnung schließen Schlüssel schon sehr sein seit Seite sich sie sind so soll Speicher spät Straße stört
		Tabelle Test tief über übergeben überprüft um und ungültig unter Ursache verfügbar Verzeichnis viel vielleicht vom von vor wäre wann warum was weil weiß
		weiter wenn wer werden wie wieder wird wo wofür Wörter würde Zahl Zähler zeigt Zeile Zeit ziemlich zu zuerst zulässig zum zur zurück zusammen zwei zwölf`)
	japaneseWords = strings.Fields(`変更 確認 設定 一覧 画面 追加 削除 利用 結果 開始 終了 期間 料金 合計 使用量 履歴 日付 時間 警告 失敗 成功 接続 読み込み 書き込み
		ファイル フォルダー ログ データベース テスト サーバー トークン モデル キャッシュ プロジェクト エラー メッセージ バージョン ブランチ する した して いる
		ある ない から まで など です ます ので が を に で と は も の この その すべて もう一度 新しい 古い 大きい 小さい 速い 遅い 正しい 必要 可能 不明 問題 原因`)
	names = strings.Fields(`account amount archive basket batch border branch buffer bundle cache channel charge checkout client clock column counter cursor customer
		decode deliver discount document encode entry export factor fetch field filter folder format gather handler header history import index invoice journal
		key ledger limit line listener loader lock mapper matcher member merge message meter migrate module node notify number offset option order output
		packet parser patch payment pending pointer policy price printer profile query queue reader receipt record refund region render report request
		resolver result retry router rule sample scanner schema scope segment sender session shape share signal slot source span split stage state stock store
		stream supply table tariff ticket token total tracker transfer tree user value vault version view walker watcher window worker writer zone`)
	folders  = []string{"cmd", "internal/order", "internal/ledger", "pkg/price", "src/components", "src/größen", "lib/倉庫", "tests/unit", "docs/handbook", "app/models"}
	endings  = []string{".go", ".py", ".ts", ".tsx", ".rs", ".json", ".md", ".sql", "_test.go", ".css"}
	faces    = []string{"🚀", "🙂", "🐛", "✅", "⚠️", "👩‍💻", "🇪🇺", "🔥"}
	marks    = []string{",", ",", ";", ":", " –", "/"}
	verdicts = []string{"ok  ", "FAIL", "warning", "PASS", "skip", "error"}
	tools    = []string{"Bash", "Read", "Edit", "Grep", "Write", "Glob", "WebFetch", "TodoWrite"}
	branches = []string{"main", "dev", "fix/rounding", "feature/größen", "release-4"}
	projects = []string{
		"/home/mila/src/shop", "/home/mila/src/ledger", "/home/mila/src/web shop", "/home/mila/src/größen", "/home/mila/work/api",
		"/home/mila/work/倉庫", "/home/mila/work/infra", "/home/mila/work/mobile", "/home/mila/notes", "/home/mila/src/parser",
		"/home/mila/src/game", "/home/mila/src/site", "/home/mila/src/tools", "/home/mila/work/billing", "/home/mila/work/search",
		"/home/mila/work/reports", "/home/mila/lab/proofs", "/home/mila/lab/images", "/home/mila/lab/weather", "/home/mila/src/dotfiles",
	}
)
