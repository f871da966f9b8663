<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en_GB">
<context>
    <name>codesign_wizard</name>
    <message>
        <location filename="codesign_wizard/cli.py"/>
        <source>Something happened that this version does not expect (reference {reference}).</source>
        <translation>Es ist etwas geschehen, das diese Version nicht erwartet (Referenz {reference}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/cli.py"/>
        <source>Try again. If it comes back, run it with --verbose and send what it prints to support.</source>
        <translation>Versuchen Sie es noch einmal. Kommt es wieder vor, führen Sie es mit --verbose aus und senden Sie die Ausgabe an den Support.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>Here: notary check --key-file AuthKey_….p8 --issuer UUID --keep; or {file}, {key_id} and {issuer} in the environment.</source>
        <translation>Hier: notary check --key-file AuthKey_….p8 --issuer UUID --keep; oder die Umgebungsvariablen {file}, {key_id} und {issuer}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>the API key, AuthKey_….p8 (or {name})</source>
        <translation>der API-Schlüssel, AuthKey_….p8 (oder {name})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>its Key ID, if the file's name does not tell (or {name})</source>
        <translation>seine Key ID, falls der Dateiname sie nicht verrät (oder {name})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>the Issuer ID (or {name})</source>
        <translation>die Issuer ID (oder {name})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{why}</source>
        <translation>{why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>A secret never goes into a command line, where others can read it: {option} is not taken.</source>
        <translation>Ein Geheimnis gehört nie in eine Befehlszeile, wo andere es lesen können: {option} wird nicht angenommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>opens the wizard</source>
        <translation>öffnet den Assistenten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>looks for what keeps signing from working; changes nothing</source>
        <translation>sucht, was das Signieren verhindert; ändert nichts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>shows what the application may do in the vault; grants what is missing</source>
        <translation>zeigt, was die Anwendung im Tresor darf; erteilt, was fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>makes a signing request in the vault, shows, saves or drops it</source>
        <translation>erstellt eine Zertifikatanforderung im Tresor, zeigt, speichert oder verwirft sie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>judges the vault's certificate, merges the CA's answer, renews</source>
        <translation>beurteilt das Zertifikat des Tresors, führt die Antwort der CA zusammen, erneuert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>signs one .exe or .dll, or a .pkg, .app or program for macOS</source>
        <translation>signiert eine .exe oder .dll oder ein .pkg, eine .app oder ein Programm für macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>judges the signatures of one file as Windows or macOS would</source>
        <translation>beurteilt die Signaturen einer Datei so, wie Windows oder macOS es täten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>builds or takes an installer, signs, time-stamps and verifies it</source>
        <translation>erstellt oder übernimmt ein Installationsprogramm, signiert es, versieht es mit Zeitstempel und prüft es</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>says what files are, whose, until when, and what is wrong</source>
        <translation>sagt, was Dateien sind, wem sie gehören, wie lange sie gelten und was nicht stimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>judges Apple .p12 files, makes them without a Mac, re-exports them</source>
        <translation>beurteilt .p12-Dateien von Apple, erstellt sie ohne Mac, exportiert sie neu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>tries the App Store Connect key, submits to Apple's notary service, explains its log</source>
        <translation>probiert den Schlüssel für App Store Connect, reicht bei Apples Notarisierungsdienst ein, erklärt dessen Protokoll</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>puts Apple's ticket into a package or an app, or validates the one in it</source>
        <translation>heftet Apples Ticket an ein Paket oder eine App oder prüft das angeheftete</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>compares and applies a Comet Server's settings, proves its own builds</source>
        <translation>vergleicht und setzt die Einstellungen eines Comet Servers, weist seine eigenen Builds nach</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>writes what is kept, or a fresh diagnosis, as a report without secrets</source>
        <translation>schreibt, was gespeichert ist, oder eine frische Diagnose, als Bericht ohne Geheimnisse</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>shows and changes what is configured</source>
        <translation>zeigt und ändert, was eingestellt ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>runs the practice cloud for other programs, plays a CA, lists what it plays</source>
        <translation>betreibt die Übungs-Cloud für andere Programme, spielt eine CA, zählt auf, was sie spielt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Sets up and proves code signing of a branded backup client.</source>
        <translation>Richtet die Codesignatur eines Backup-Clients mit eigenem Branding ein und weist sie nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>commands:</source>
        <translation>Befehle:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the profile to use, by name or id (default: the one used last)</source>
        <translation>das Profil, nach Name oder ID (Standard: das zuletzt verwendete)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the proxy, in place of HTTPS_PROXY</source>
        <translation>der Proxy, anstelle von HTTPS_PROXY</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>certificates in PEM, trusted in addition to the system's</source>
        <translation>Zertifikate in PEM, denen zusätzlich zu denen des Systems vertraut wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>how long one attempt may take</source>
        <translation>wie lange ein Versuch dauern darf</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the vault's name or address</source>
        <translation>Name oder Adresse des Tresors</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the certificate's name</source>
        <translation>Name des Zertifikats</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the tenant's ID or domain</source>
        <translation>ID oder Domäne des Mandanten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the application's (client) ID</source>
        <translation>Anwendungs-ID (Client-ID)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>practice: keep accounts and profile in this folder</source>
        <translation>Übung: Konten und Profil in diesem Ordner behalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>work on practice accounts, in which SCENARIO is wrong if given</source>
        <translation>mit Übungskonten arbeiten, in denen, falls angegeben, SCENARIO nicht stimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>print one JSON document</source>
        <translation>ein JSON-Dokument ausgeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>no progress, no log, and only what is wrong</source>
        <translation>kein Fortschritt, kein Protokoll, und nur, was nicht stimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the whole log on standard error, and all evidence</source>
        <translation>das ganze Protokoll auf der Standardfehlerausgabe, und alle Belege</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>answer every question with yes</source>
        <translation>jede Frage mit Ja beantworten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>read the application's secret from standard input</source>
        <translation>das Clientgeheimnis von der Standardeingabe lesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>say this</source>
        <translation>dies hier ausgeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There is no command called {name}.</source>
        <translation>Es gibt keinen Befehl namens {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There are: {names}.</source>
        <translation>Es gibt: {names}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{program} {command} --help lists what it takes.</source>
        <translation>{program} {command} --help zählt auf, was er annimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>usage: {program} [COMMAND] [OPTIONS]</source>
        <translation>Aufruf: {program} [COMMAND] [OPTIONS]</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{program} COMMAND --help says what a command takes. Without one, the wizard opens.</source>
        <translation>{program} COMMAND --help sagt, was ein Befehl annimmt. Ohne Befehl öffnet sich der Assistent.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>To try it without accounts: {program} trial all --practice</source>
        <translation>Zum Ausprobieren ohne Konten: {program} trial all --practice</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>What can go wrong, to be tried one by one: {program} practice scenarios</source>
        <translation>Was schiefgehen kann, einzeln zu probieren: {program} practice scenarios</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>--quiet and --verbose contradict each other.</source>
        <translation>--quiet und --verbose widersprechen einander.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>--state is for --practice only.</source>
        <translation>--state gilt nur mit --practice.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{name} is neither a command nor a scenario.</source>
        <translation>{name} ist weder ein Befehl noch ein Szenario.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There is no option {option} here.</source>
        <translation>Die Option {option} gibt es hier nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Near to it: {names}.</source>
        <translation>Ähnlich: {names}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>options for all commands</source>
        <translation>Optionen für alle Befehle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There is no scenario called {name}.</source>
        <translation>Es gibt kein Szenario namens {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{word} is one word too many.</source>
        <translation>{word} ist ein Wort zu viel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Use --secret-stdin or --password-stdin, the environment (AZURE_CLIENT_SECRET, CODESIGN_WIZARD_P12_PASSWORD), or the keyring: profile set --secret-stdin.</source>
        <translation>Verwenden Sie --secret-stdin oder --password-stdin, eine Umgebungsvariable (AZURE_CLIENT_SECRET, CODESIGN_WIZARD_P12_PASSWORD) oder den Schlüsselbund: profile set --secret-stdin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Make a new one: this one may be in the shell's history now.</source>
        <translation>Erstellen Sie ein neues: Dieses steht jetzt vielleicht im Verlauf der Shell.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{program} --help lists the commands.</source>
        <translation>{program} --help zählt die Befehle auf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>There is nothing to be reminded of: {name} is past its end, or there is no certificate.</source>
        <translation>Es gibt nichts, woran zu erinnern wäre: {name} ist abgelaufen, oder es gibt kein Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>The certificate of {name} was merged into the vault as version {version}.</source>
        <translation>Das Zertifikat von {name} wurde im Tresor als Version {version} zusammengeführt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate show takes no file.</source>
        <translation>certificate show nimmt keine Datei an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate list takes no file.</source>
        <translation>certificate list nimmt keine Datei an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate recover takes no file.</source>
        <translation>certificate recover nimmt keine Datei an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>This gives it to the signing request that waits in the vault.</source>
        <translation>Damit erhält es die Zertifikatanforderung, die im Tresor wartet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Intermediate valid until</source>
        <translation>Zwischenzertifikat gültig bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Kind of key</source>
        <translation>Art des Schlüssels</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Hardware</source>
        <translation>Hardware</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Owner checked by</source>
        <translation>Inhaber geprüft durch</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>In the vault since</source>
        <translation>Im Tresor seit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>a signing request waits</source>
        <translation>eine Zertifikatanforderung wartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>no certificate, and no request that waits</source>
        <translation>kein Zertifikat und keine wartende Anforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>judge a version; list what the vault holds; check and merge the CA's answer; request the next version; bring a deleted one back</source>
        <translation>eine Version beurteilen; aufzählen, was der Tresor enthält; die Antwort der CA prüfen und zusammenführen; die nächste Version anfordern; eine gelöschte zurückholen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>merge: what the CA sent, in any form; - for standard input. renew: the file for the request</source>
        <translation>merge: was die CA gesandt hat, in beliebiger Form; - für die Standardeingabe. renew: die Datei für die Anforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>show: another version than the newest</source>
        <translation>show: eine andere Version als die neueste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>show, merge: save reminders of its end (.ics)</source>
        <translation>show, merge: Erinnerungen an seinen Ablauf speichern (.ics)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>merge: check the answer, and merge nothing</source>
        <translation>merge: die Antwort prüfen und nichts zusammenführen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>merge, in practice: let the practice CA answer</source>
        <translation>merge, in der Übung: die Übungs-CA antworten lassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Programs cannot be signed with it until this is mended.</source>
        <translation>Programme lassen sich damit nicht signieren, solange dies nicht behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>This version can sign programs.</source>
        <translation>Diese Version kann Programme signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Programs cannot be signed with this version.</source>
        <translation>Programme lassen sich mit dieser Version nicht signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>To be merged:</source>
        <translation>Wird zusammengeführt:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Merged, and the vault signs with it.</source>
        <translation>Zusammengeführt, und der Tresor signiert damit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>It was merged, but programs cannot be signed with it yet.</source>
        <translation>Es wurde zusammengeführt, aber Programme lassen sich damit noch nicht signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate renew takes one file at most, for the request.</source>
        <translation>certificate renew nimmt höchstens eine Datei an, für die Anforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate merge needs the CA's files, or - to read standard input.</source>
        <translation>certificate merge braucht die Dateien der CA, oder -, um die Standardeingabe zu lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>--practice-ca is for practice, and in place of the CA's files.</source>
        <translation>--practice-ca ist für die Übung und steht anstelle der Dateien der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>until {date}, {left}</source>
        <translation>bis {date}, {left}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>In the vault {vault}:</source>
        <translation>Im Tresor {vault}:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Nothing was merged; the vault is as it was.</source>
        <translation>Nichts wurde zusammengeführt; der Tresor ist, wie er war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>It can be merged; nothing was.</source>
        <translation>Es lässt sich zusammenführen; zusammengeführt wurde nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>This brings the deleted certificate {name} back, with all its versions and its keys.</source>
        <translation>Damit wird das gelöschte Zertifikat {name} zurückgeholt, mit allen Versionen und Schlüsseln.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Paste the CA's text; end it with Ctrl-D (on Windows Ctrl-Z and Enter).</source>
        <translation>Fügen Sie den Text der CA ein; beenden Sie ihn mit Strg+D (unter Windows Strg+Z und Eingabetaste).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>A signing request waits for the CA's answer: csr show.</source>
        <translation>Eine Zertifikatanforderung wartet auf die Antwort der CA: csr show.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Versions of {name}, the newest first:</source>
        <translation>Versionen von {name}, die neueste zuerst:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>There is nothing to renew: csr create.</source>
        <translation>Es gibt nichts zu erneuern: csr create.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Interrupted; everything is as it was.</source>
        <translation>Unterbrochen; alles ist, wie es war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>A yes is needed: {what}.</source>
        <translation>Ein Ja ist nötig: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>There was no secret on standard input.</source>
        <translation>Auf der Standardeingabe kam kein Geheimnis.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>The practice cloud could not be started: {why}.</source>
        <translation>Die Übungs-Cloud ließ sich nicht starten: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Add --yes to go on without being asked.</source>
        <translation>Mit --yes geht es ohne Nachfrage weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>The answer was not yes, so nothing was changed.</source>
        <translation>Die Antwort war nicht „Ja“; es wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Secret: </source>
        <translation>Geheimnis: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>{what} Go on? [y/N] </source>
        <translation>{what} Fortfahren? [y/N] </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>What came is no text.</source>
        <translation>Was ankam, ist kein Text.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Use another folder with --state, or leave it out.</source>
        <translation>Geben Sie mit --state einen anderen Ordner an, oder lassen Sie es weg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request was saved as {file}.</source>
        <translation>Die Zertifikatanforderung wurde als {file} gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request {name} was dropped.</source>
        <translation>Die Zertifikatanforderung {name} wurde verworfen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The proof that the key is in the HSM was saved as {file}.</source>
        <translation>Der Nachweis, dass der Schlüssel im HSM liegt, wurde als {file} gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The vault gives no proof that the key of {name} is in the HSM.</source>
        <translation>Der Tresor gibt keinen Nachweis, dass der Schlüssel von {name} im HSM liegt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>This makes what stands above, and nothing else.</source>
        <translation>Damit wird erstellt, was oben steht, und sonst nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>make a request, show it again, save it as PEM, or drop it</source>
        <translation>eine Anforderung erstellen, noch einmal zeigen, als PEM speichern oder verwerfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>save, create: the file for the request</source>
        <translation>save, create: die Datei für die Anforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>show, save: also save the service's proof that the key is in its HSM, where it gives one</source>
        <translation>show, save: auch den Nachweis des Dienstes speichern, dass der Schlüssel in dessen HSM liegt, wo er einen gibt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>csr save needs a file to write.</source>
        <translation>csr save braucht eine Datei zum Schreiben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>To be made:</source>
        <translation>Wird erstellt:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request waits for the CA's answer.</source>
        <translation>Die Zertifikatanforderung wartet auf die Antwort der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request is not as it should be.</source>
        <translation>Die Zertifikatanforderung ist nicht, wie sie sein sollte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>Nothing waits any more.</source>
        <translation>Es wartet nichts mehr.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>There is no signing request to work with.</source>
        <translation>Es gibt keine Zertifikatanforderung, mit der sich arbeiten ließe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>No signing request was made.</source>
        <translation>Es wurde keine Zertifikatanforderung erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>Give this request to the CA, then: certificate merge FILE…</source>
        <translation>Geben Sie diese Anforderung der CA, danach: certificate merge FILE…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>This drops the signing request {name}. Its key is lost: a certificate that the CA issues for it can never be used.</source>
        <translation>Damit wird die Zertifikatanforderung {name} verworfen. Ihr Schlüssel geht verloren: Ein Zertifikat, das die CA darauf ausstellt, ist nie verwendbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>csr {what} takes no file; csr save writes one.</source>
        <translation>csr {what} nimmt keine Datei an; csr save schreibt eine.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>{system} was left out: the profile does not want it, and nothing is set for it.</source>
        <translation>{system} wurde ausgelassen: Im Profil ist es nicht gewählt, und nichts ist dafür eingestellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Nothing is set up on this computer yet.</source>
        <translation>Auf diesem Computer ist noch nichts eingerichtet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Vault's tenant</source>
        <translation>Mandant des Tresors</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Seen by the vault as</source>
        <translation>Vom Tresor gesehen als</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signed in until</source>
        <translation>Angemeldet bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Intermediate</source>
        <translation>Zwischenzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Intermediate expires</source>
        <translation>Zwischenzertifikat läuft ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signs programs</source>
        <translation>Signiert Programme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signs packages</source>
        <translation>Signiert Pakete</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Expires</source>
        <translation>Läuft ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Time-stamp server</source>
        <translation>Zeitstempelserver</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>API key</source>
        <translation>API-Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>what to look at</source>
        <translation>was untersucht wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>look at every profile, several at a time; all is what each of them wants or has settings for, and nobody is asked for a password</source>
        <translation>jedes Profil untersuchen, mehrere zugleich; all ist, was jedes davon will oder wofür es Einstellungen hat; nach einem Passwort wird niemand gefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for Windows works: the vault signs, and the signature is good.</source>
        <translation>Das Signieren für Windows funktioniert: Der Tresor signiert, und die Signatur ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>To be led through it, open the wizard: codesign-wizard</source>
        <translation>Um hindurchgeführt zu werden, öffnen Sie den Assistenten: codesign-wizard</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>To see the whole way on made-up accounts first: codesign-wizard trial all --practice</source>
        <translation>Um zuerst den ganzen Weg mit erfundenen Konten zu sehen: codesign-wizard trial all --practice</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for macOS works: both identities sign, and Apple lets the API key notarise.</source>
        <translation>Das Signieren für macOS funktioniert: Beide Identitäten signieren, und Apple erlaubt dem API-Schlüssel das Notarisieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for macOS works: both identities sign, and the signatures hold.</source>
        <translation>Das Signieren für macOS funktioniert: Beide Identitäten signieren, und die Signaturen sind gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing works; nothing can be notarised until this is mended.</source>
        <translation>Das Signieren funktioniert; solange dies nicht behoben ist, lässt sich nichts notarisieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for macOS will not work until this is mended.</source>
        <translation>Das Signieren für macOS funktioniert nicht, solange dies nicht behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>Looking at the profiles</source>
        <translation>Die Profile werden untersucht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>Signing will not work in every profile until this is mended.</source>
        <translation>Das Signieren funktioniert nicht in allen Profilen, solange dies nicht behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>{n} of {all} profiles were looked at.</source>
        <translation>{n} von {all} Profilen wurden angesehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>There are no profiles yet.</source>
        <translation>Es gibt noch keine Profile.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>? {profile}: not looked at</source>
        <translation>? {profile}: nicht angesehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>Signing works in every profile, as far as was looked ({n}).</source>
        <translation>Das Signieren funktioniert in jedem Profil, soweit untersucht wurde ({n}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>done, with warnings</source>
        <translation>erledigt, mit Warnungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>failed</source>
        <translation>fehlgeschlagen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>skipped</source>
        <translation>übersprungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Sign-in</source>
        <translation>Anmeldung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Certificates</source>
        <translation>Zertifikate</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Compare</source>
        <translation>Vergleichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Save</source>
        <translation>Speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Read back</source>
        <translation>Zurücklesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Saved as {file}: {reminders}.</source>
        <translation>Als {file} gespeichert: {reminders}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>No calendar file was written: of nothing is known when it ends.</source>
        <translation>Es wurde keine Kalenderdatei geschrieben: Von nichts ist bekannt, wann es abläuft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>also tell what ends within DAYS, or has ended; the exit code is 1 then</source>
        <translation>auch sagen, was innerhalb von DAYS Tagen abläuft oder abgelaufen ist; der Exitcode ist dann 1</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>save reminders of all known ends (.ics)</source>
        <translation>Erinnerungen an alle bekannten Ablauftermine speichern (.ics)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>There is no display to open the wizard on.</source>
        <translation>Es gibt keinen Bildschirm, auf dem sich der Assistent öffnen ließe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>The wizard cannot be opened: a library that its window needs is missing.</source>
        <translation>Der Assistent lässt sich nicht öffnen: Eine Bibliothek, die sein Fenster braucht, fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>close the window again once it is there: to test an installation</source>
        <translation>das Fenster wieder schließen, sobald es da ist: um eine Installation zu prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>Work in the terminal: codesign-wizard doctor windows, codesign-wizard trial windows.</source>
        <translation>Arbeiten Sie im Terminal: codesign-wizard doctor windows, codesign-wizard trial windows.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>Without accounts: codesign-wizard trial all --practice.</source>
        <translation>Ohne Konten: codesign-wizard trial all --practice.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>Install it.</source>
        <translation>Installieren Sie sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give the password on standard input (--password-stdin), or in CODESIGN_WIZARD_P12_PASSWORD.</source>
        <translation>Geben Sie das Passwort auf der Standardeingabe an (--password-stdin) oder in CODESIGN_WIZARD_P12_PASSWORD.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: csr show shows the request again, certificate merge FILE… merges the answer.</source>
        <translation>Hier: csr show zeigt die Anforderung noch einmal, certificate merge FILE… führt die Antwort zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate list shows what the vault holds, csr create makes a signing request.</source>
        <translation>Hier: certificate list zeigt, was der Tresor enthält, csr create erstellt eine Zertifikatanforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate renew.</source>
        <translation>Hier: certificate renew.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate recover brings it back.</source>
        <translation>Hier: certificate recover holt es zurück.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: csr save FILE saves it again, csr cancel drops it.</source>
        <translation>Hier: csr save FILE speichert sie noch einmal, csr cancel verwirft sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it with --server URL or in CODESIGN_WIZARD_SERVER, or keep it: profile set server.address=URL.</source>
        <translation>Geben Sie sie mit --server URL oder in CODESIGN_WIZARD_SERVER an, oder speichern Sie sie: profile set server.address=URL.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it with --user NAME or in CODESIGN_WIZARD_SERVER_USER, or keep it: profile set server.user=NAME.</source>
        <translation>Geben Sie ihn mit --user NAME oder in CODESIGN_WIZARD_SERVER_USER an, oder speichern Sie ihn: profile set server.user=NAME.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it on standard input (--password-stdin) or in CODESIGN_WIZARD_SERVER_PASSWORD, or keep it in the keyring: profile set --server-password-stdin.</source>
        <translation>Geben Sie es auf der Standardeingabe (--password-stdin) oder in CODESIGN_WIZARD_SERVER_PASSWORD an, oder speichern Sie es im Schlüsselbund: profile set --server-password-stdin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it on standard input (--code-stdin) or in CODESIGN_WIZARD_SERVER_CODE.</source>
        <translation>Geben Sie ihn auf der Standardeingabe (--code-stdin) oder in CODESIGN_WIZARD_SERVER_CODE an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Look at it with inspect FILE, or open it in the window: gui --profile FILE.</source>
        <translation>Ansehen mit inspect FILE oder im Fenster öffnen: gui --profile FILE.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: csr create makes one.</source>
        <translation>Hier: csr create erstellt eine.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate merge FILE… merges it.</source>
        <translation>Hier: certificate merge FILE… führt sie zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>judge .p12 files; make keys and requests; .cer and key to .p12; both under one password</source>
        <translation>.p12-Dateien beurteilen; Schlüssel und Anforderungen erstellen; .cer und Schlüssel zu .p12; beide unter einem Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>the .p12 or .cer files</source>
        <translation>die .p12- oder .cer-Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>check: what is meant as Installer</source>
        <translation>check: was als Installer gemeint ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>check: what is meant as Application</source>
        <translation>check: was als Application gemeint ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>read the password from standard input, a line for each file where they differ</source>
        <translation>das Passwort von der Standardeingabe lesen, eine Zeile für jede Datei, wenn sie sich unterscheiden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>repack: the last line of standard input is the new password</source>
        <translation>repack: die letzte Zeile der Standardeingabe ist das neue Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>where files go (default: here)</source>
        <translation>wohin die Dateien kommen (Standard: hierher)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>write 3DES and SHA-1, which older importers want</source>
        <translation>3DES und SHA-1 schreiben, was ältere Importprogramme verlangen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>request: new keys though some wait already</source>
        <translation>request: neue Schlüssel, obwohl schon welche warten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>request: the name in it</source>
        <translation>request: der Name darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>request: the address in it</source>
        <translation>request: die Adresse darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>roots and issuers that count as Apple's</source>
        <translation>Stamm- und Zwischenzertifikate, die als Apples gelten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity check needs a .p12 file.</source>
        <translation>identity check braucht eine .p12-Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Not with these files as they are.</source>
        <translation>Mit diesen Dateien, wie sie sind, geht es nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity repack needs one or two .p12 files.</source>
        <translation>identity repack braucht eine oder zwei .p12-Dateien.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Both files are of one kind; repack one file at a time.</source>
        <translation>Beide Dateien sind von derselben Art; packen Sie eine nach der anderen neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>The files are ready.</source>
        <translation>Die Dateien sind fertig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>The files were written, but what is wrong with them is wrong still.</source>
        <translation>Die Dateien wurden geschrieben, aber was an ihnen nicht stimmt, stimmt immer noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity request takes no files.</source>
        <translation>identity request nimmt keine Dateien an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>The requests are ready for Apple's site; the keys wait here, encrypted.</source>
        <translation>Die Anforderungen für Apples Website sind fertig; die Schlüssel warten hier, verschlüsselt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity assemble needs the .cer files from Apple's site.</source>
        <translation>identity assemble braucht die .cer-Dateien von Apples Website.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>These identities can be signed with.</source>
        <translation>Mit diesen Identitäten lässt sich signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>This identity can be signed with.</source>
        <translation>Mit dieser Identität lässt sich signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Nothing was written.</source>
        <translation>Es wurde nichts geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>{files} will be replaced.</source>
        <translation>{files} werden ersetzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>No request was made.</source>
        <translation>Es wurde keine Anforderung erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Choose a password, keep it yourself, and give it each time in {variable}.</source>
        <translation>Wählen Sie ein Passwort, bewahren Sie es selbst auf, und geben Sie es jedes Mal in {variable} an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Give one in {variable}, or on standard input.</source>
        <translation>Geben Sie eines in {variable} oder auf der Standardeingabe an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity_passwords.py"/>
        <source>New password for the .p12 files: </source>
        <translation>Neues Passwort der .p12-Dateien: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity_passwords.py"/>
        <source>The two are not the same.</source>
        <translation>Die beiden sind nicht gleich.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity_passwords.py"/>
        <source>Once more: </source>
        <translation>Noch einmal: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/inspect.py"/>
        <source>read a .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)</source>
        <translation>das Passwort einer .p12 von der Standardeingabe lesen (sonst CODESIGN_WIZARD_P12_PASSWORD)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/inspect.py"/>
        <source>Not all is as it should be.</source>
        <translation>Nicht alles ist, wie es sein sollte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>lets it through</source>
        <translation>lässt es durch</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>stops it</source>
        <translation>blockiert es</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>lets it through once Apple has notarised it</source>
        <translation>lässt es durch, sobald Apple es notarisiert hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Password of the .p12 files: </source>
        <translation>Passwort der .p12-Dateien: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Nothing was signed.</source>
        <translation>Es wurde nichts signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Signed, but macOS will not accept it.</source>
        <translation>Signiert, aber macOS wird es nicht akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>macOS will not accept this file.</source>
        <translation>macOS wird diese Datei nicht akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Gatekeeper, online</source>
        <translation>Gatekeeper, online</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Gatekeeper, offline</source>
        <translation>Gatekeeper, offline</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>The signature holds.</source>
        <translation>Die Signatur ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it with {option} or in {variable}, or keep it: {setting}.</source>
        <translation>Geben Sie es mit {option} oder in {variable} an, oder speichern Sie es: {setting}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>{option} does not apply to {file}: it is for {system}.</source>
        <translation>{option} passt nicht zu {file}: Das ist für {system}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: the Developer ID Application .p12</source>
        <translation>macOS: die .p12 „Developer ID Application“</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: the Developer ID Installer .p12</source>
        <translation>macOS: die .p12 „Developer ID Installer“</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>read the .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)</source>
        <translation>das Passwort der .p12 von der Standardeingabe lesen (sonst CODESIGN_WIZARD_P12_PASSWORD)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: how far to go, or what to judge for (default: the profile's)</source>
        <translation>macOS: wie weit es gehen soll, oder wofür geurteilt wird (Standard: wie im Profil)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: go on with the former trial, whatever is to be signed now</source>
        <translation>macOS: den früheren Probelauf fortsetzen, was auch immer jetzt zu signieren wäre</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: sign and submit anew, also where the same trial was left unfinished</source>
        <translation>macOS: neu signieren und einreichen, auch wenn derselbe Probelauf unvollendet blieb</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: submit what Apple would refuse</source>
        <translation>macOS: einreichen, was Apple ablehnen würde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: for Apple's result and its ticket; default: 60, the rest is with Apple</source>
        <translation>macOS: für Apples Ergebnis und dessen Ticket; Standard: 60, den Rest macht Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: sign a .pkg, not the programs in it</source>
        <translation>macOS: ein .pkg signieren, nicht die Programme darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: entitlements in place of its own</source>
        <translation>macOS: Entitlements anstelle der eigenen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: the code's identifier</source>
        <translation>macOS: die Kennung des Codes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: leave the hardened runtime off</source>
        <translation>macOS: die Hardened Runtime weglassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>There is no macOS trial of this profile to go on with.</source>
        <translation>Es gibt keinen macOS-Probelauf dieses Profils, der sich fortsetzen ließe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The trial did not come to its end; what was signed is kept. Started again, it goes on there.</source>
        <translation>Der Probelauf kam nicht zum Ende; was signiert wurde, ist gespeichert. Noch einmal gestartet, macht er dort weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed, verified and notarised.</source>
        <translation>Signiert, geprüft und notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>It is signed, and with Apple now. Started again, it goes on there.</source>
        <translation>Es ist signiert und jetzt bei Apple. Noch einmal gestartet, macht der Probelauf dort weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Nobody waits any more; it goes on with Apple. Started again, the trial goes on there.</source>
        <translation>Niemand wartet mehr; bei Apple geht es weiter. Noch einmal gestartet, macht der Probelauf dort weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The package is signed, but not sent yet. Started again, the trial goes on there.</source>
        <translation>Das Paket ist signiert, aber noch nicht gesendet. Noch einmal gestartet, macht der Probelauf dort weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The trial was refused; what was signed is kept. Started again, it signs anew.</source>
        <translation>Der Probelauf wurde abgelehnt; was signiert wurde, ist gespeichert. Noch einmal gestartet, signiert er neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Programs signed</source>
        <translation>Signierte Programme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed, verified, notarised and stapled.</source>
        <translation>Signiert, geprüft und notarisiert, Ticket angeheftet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>notary {what} takes {wanted}.</source>
        <translation>notary {what} nimmt {wanted} an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Nothing can be notarised with this key as things are.</source>
        <translation>So, wie es steht, lässt sich mit diesem Schlüssel nichts notarisieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>nothing more</source>
        <translation>sonst nichts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Apple has notarised it.</source>
        <translation>Apple hat es notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is not notarised.</source>
        <translation>Es ist nicht notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is notarised, but not all is done.</source>
        <translation>Es ist notarisiert, aber nicht alles ist erledigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>try the key; submit a file; ask for a result; fetch a log; list submissions</source>
        <translation>den Schlüssel probieren; eine Datei einreichen; nach einem Ergebnis fragen; ein Protokoll holen; Einreichungen aufzählen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>the file, or the submission's ID</source>
        <translation>die Datei oder die ID der Einreichung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>check: keep key and ids when Apple has accepted them</source>
        <translation>check: Schlüssel und IDs behalten, wenn Apple sie akzeptiert hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>wait for Apple's result (submit: yes, status: no)</source>
        <translation>auf Apples Ergebnis warten (submit: ja, status: nein)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>default: 60; the rest is with Apple</source>
        <translation>Standard: 60; den Rest macht Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>submit, status: staple the ticket once it is accepted</source>
        <translation>submit, status: das Ticket anheften, sobald es akzeptiert ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>status, log: the file, to compare the log with</source>
        <translation>status, log: die Datei, mit der das Protokoll verglichen wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>submit what Apple would refuse</source>
        <translation>einreichen, was Apple ablehnen würde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>submit again what was submitted already</source>
        <translation>noch einmal einreichen, was schon eingereicht wurde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>roots that count as Apple's</source>
        <translation>Stammzertifikate, die als Apples gelten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>roots that count for time stamps</source>
        <translation>Stammzertifikate, die für Zeitstempel gelten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Apple lets this key notarise.</source>
        <translation>Apple erlaubt diesem Schlüssel das Notarisieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>This team has submitted nothing yet.</source>
        <translation>Dieses Team hat noch nichts eingereicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is with Apple now.</source>
        <translation>Es ist jetzt bei Apple.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is not sent yet.</source>
        <translation>Es ist noch nicht gesendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>a file</source>
        <translation>eine Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>a submission ID</source>
        <translation>die ID einer Einreichung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Kept in</source>
        <translation>Speicherort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Submission</source>
        <translation>Einreichung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Uploaded</source>
        <translation>Hochgeladen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Apple's log</source>
        <translation>Apples Protokoll</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Here: notary status {id} --wait --staple.</source>
        <translation>Hier: notary status {id} --wait --staple.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>warning</source>
        <translation>Warnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>note</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>ok</source>
        <translation>gut</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>See</source>
        <translation>Siehe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>{title} (likely)</source>
        <translation>{title} (wahrscheinlich)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>What to do: {what}</source>
        <translation>Was zu tun ist: {what}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>1 error</source>
        <translation>1 Fehler</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>request {id}</source>
        <translation>Anfrage {id}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>{n} errors</source>
        <translation>{n} Fehler</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>The result could not be written: {why}.</source>
        <translation>Das Ergebnis ließ sich nicht schreiben: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>What we saw:</source>
        <translation>Was zu sehen war:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>No administrator signed in; what the application itself may do is as shown.</source>
        <translation>Kein Administrator hat sich angemeldet; was die Anwendung selbst darf, steht oben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Granting needs an administrator: add --as az, --as browser or --as device-code.</source>
        <translation>Zum Erteilen braucht es einen Administrator: Fügen Sie --as az, --as browser oder --as device-code hinzu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Granted, and the vault knows it.</source>
        <translation>Erteilt, und der Tresor kennt die Berechtigung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing had to be granted, and the vault knows all of it now.</source>
        <translation>Es musste nichts erteilt werden, und der Tresor kennt jetzt alles.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing had to be granted, but the vault does not know all of it yet.</source>
        <translation>Es musste nichts erteilt werden, aber der Tresor kennt noch nicht alles.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Waiting until the vault knows the grant: {left} left</source>
        <translation>Warten, bis der Tresor die Berechtigung kennt: noch {left}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>not known from here</source>
        <translation>von hier aus nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>show: the permissions, changes nothing; grant: what is missing, after asking</source>
        <translation>show: die Berechtigungen, ändert nichts; grant: was fehlt, nach Rückfrage</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>sign in as administrator: the session of az, the browser, or a code on another device</source>
        <translation>als Administrator anmelden: die Sitzung von az, der Browser oder ein Code auf einem anderen Gerät</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>grant: what for (default: all that the server's documentation asks for)</source>
        <translation>grant: wofür (Standard: alles, was die Dokumentation des Servers verlangt)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>grant: exactly what is needed, by a custom role or single ticks, not the usual roles</source>
        <translation>grant: genau, was nötig ist, durch eine benutzerdefinierte Rolle oder einzelne Häkchen, nicht die üblichen Rollen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>show: only what is missing</source>
        <translation>show: nur, was fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing had to be granted.</source>
        <translation>Es musste nichts erteilt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing was granted: no grant is missing, and no other helps against what stands above.</source>
        <translation>Es wurde nichts erteilt: Es fehlt nichts, was sich erteilen ließe, und nichts anderes hilft gegen das, was oben steht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>This grants what stands above, and takes nothing away.</source>
        <translation>Damit wird erteilt, was oben steht, und nichts weggenommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>The grant is not enough, or not known to the vault yet.</source>
        <translation>Die erteilte Berechtigung genügt nicht, oder der Tresor kennt sie noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Look with permissions show what works by now; granting again does no harm.</source>
        <translation>Sehen Sie mit permissions show nach, was inzwischen geht; noch einmal zu erteilen schadet nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for Windows will not work until this is mended.</source>
        <translation>Das Signieren für Windows funktioniert nicht, solange dies nicht behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Not all of it was granted: what was refused stands above.</source>
        <translation>Nicht alles wurde erteilt; was verweigert wurde, steht oben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing was granted: what was refused stands above.</source>
        <translation>Es wurde nichts erteilt; was verweigert wurde, steht oben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>None of it was confirmed yet.</source>
        <translation>Davon war noch nichts bestätigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Granted. Waiting until the vault knows it, {minutes} min at most; Ctrl-C ends this.</source>
        <translation>Erteilt. Es wird gewartet, bis der Tresor die Berechtigung kennt, höchstens {minutes} min; Strg+C beendet das.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Waiting until the vault knows it, {minutes} min at most; Ctrl-C ends this.</source>
        <translation>Es wird gewartet, bis der Tresor die Berechtigung kennt, höchstens {minutes} min; Strg+C beendet das.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Signed in as {account}. To be granted:</source>
        <translation>Angemeldet als {account}. Wird erteilt:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Practice: its administrator types it now.</source>
        <translation>Übung: Ihr Administrator gibt ihn jetzt ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Not certain, and not listed as missing: {count}</source>
        <translation>Nicht sicher, und nicht als fehlend aufgeführt: {count}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Open {address} and type the code {code}</source>
        <translation>Öffnen Sie {address}, und geben Sie den Code {code} ein</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Sign in there, in the browser: {address}</source>
        <translation>Melden Sie sich dort an, im Browser: {address}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>practice files takes one folder, practice issue one request, the others nothing.</source>
        <translation>practice files nimmt einen Ordner an, practice issue eine Anforderung, die anderen nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>files: the folder to write to; issue: the signing request to answer</source>
        <translation>files: der Ordner, in den geschrieben wird; issue: die zu beantwortende Zertifikatanforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: the form in which the practice CA answers</source>
        <translation>issue: die Form, in der die Übungs-CA antwortet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: answer as Apple's site does, with a certificate of this kind</source>
        <translation>issue: antworten wie Apples Website, mit einem Zertifikat dieser Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: what is wrong with the answer</source>
        <translation>issue: was an der Antwort nicht stimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: where files go (default: here)</source>
        <translation>issue: wohin die Dateien kommen (Standard: hierher)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>serve: end when standard input is closed</source>
        <translation>serve: enden, wenn die Standardeingabe geschlossen wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>serve: how long Apple's notary takes (default: 1; the real one takes minutes)</source>
        <translation>serve: wie lange Apples Notarisierung braucht (Standard: 1; die echte braucht Minuten)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>serve: whose assignments to print</source>
        <translation>serve: wessen Umgebungsvariablen ausgegeben werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>The practice cloud runs until Ctrl-C.</source>
        <translation>Die Übungs-Cloud läuft bis Strg+C.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>A device code is typed here: {address}</source>
        <translation>Ein Gerätecode wird hier eingegeben: {address}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>It works in practice: signed, time-stamped and verified.</source>
        <translation>In der Übung klappt es: signiert, mit Zeitstempel versehen und geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What it is worth:</source>
        <translation>Was es wert ist:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What next:</source>
        <translation>Wie es weitergeht:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>So neither Windows nor macOS trusts these files, and nobody should be given them.</source>
        <translation>Darum vertrauen weder Windows noch macOS diesen Dateien; geben Sie sie niemandem.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>The steps were those with real accounts, and so are the checks.</source>
        <translation>Die Schritte und die Prüfungen sind dieselben wie mit echten Konten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>The signatures are by practice authorities, which only this program knows.</source>
        <translation>Die Signaturen stammen von Übungszertifizierungsstellen, die nur dieses Programm kennt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>It works in practice: signed, time-stamped, verified, notarised and stapled.</source>
        <translation>In der Übung klappt es: signiert, mit Zeitstempel versehen, geprüft, notarisiert und mit angeheftetem Ticket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>It works in practice: signed, time-stamped, verified and notarised.</source>
        <translation>In der Übung klappt es: signiert, mit Zeitstempel versehen, geprüft und notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What other programs say of it:</source>
        <translation>Was andere Programme dazu sagen:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the installer for Windows, signed</source>
        <translation>das Installationsprogramm für Windows, signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the same in a zip, as a server gives it out</source>
        <translation>dasselbe als ZIP, wie ein Server es ausgibt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the package for macOS, signed</source>
        <translation>das Paket für macOS, signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the authorities by which it can be checked</source>
        <translation>die Zertifizierungsstellen, mit denen es sich prüfen lässt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>So Windows does not trust this file, and nobody should be given it.</source>
        <translation>Darum vertraut Windows dieser Datei nicht; geben Sie sie niemandem.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>So macOS does not trust this file, and nobody should be given it.</source>
        <translation>Darum vertraut macOS dieser Datei nicht; geben Sie sie niemandem.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the wizard, which leads through it with your own accounts</source>
        <translation>der Assistent, der mit Ihren eigenen Konten hindurchführt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>what can go wrong, each to be tried and explained</source>
        <translation>was schiefgehen kann, einzeln zu probieren und erklärt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What was made, in {folder}:</source>
        <translation>Was entstanden ist, in {folder}:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the same with Apple's notary, stapled</source>
        <translation>dasselbe mit Apples Notarisierung und Ticket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>removed after a day; --output DIR puts them where they stay</source>
        <translation>werden nach einem Tag entfernt; mit --output DIR bleiben sie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>The sample files cannot be written to {folder}: {why}.</source>
        <translation>Die Beispieldateien lassen sich nicht nach {folder} schreiben: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>Judge one in that folder, as: {command}</source>
        <translation>Beurteilen Sie eine in jenem Ordner, etwa mit: {command}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>Or a package or program, as: {command}</source>
        <translation>Oder ein Paket oder Programm, etwa mit: {command}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>The sample files in {folder} will be replaced.</source>
        <translation>Die Beispieldateien in {folder} werden ersetzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source> (password: {password})</source>
        <translation> (Passwort: {password})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>{file} cannot be read as a signing request: {why}.</source>
        <translation>{file} lässt sich nicht als Zertifikatanforderung lesen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>The practice CA does not take this request: {why}.</source>
        <translation>Die Übungs-CA nimmt diese Anforderung nicht an: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>The answer cannot be written to {folder}: {why}.</source>
        <translation>Die Antwort lässt sich nicht nach {folder} schreiben: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>Without --state DIR this CA ends with the command, and nobody knows it.</source>
        <translation>Ohne --state DIR endet diese CA mit dem Befehl, und niemand kennt sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>it is far too large</source>
        <translation>Sie ist viel zu groß</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>it is no signing request</source>
        <translation>Es ist keine Zertifikatanforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>--form and --fault are not for Apple's answer, which is a .cer file.</source>
        <translation>--form und --fault gelten nicht für Apples Antwort, die eine .cer-Datei ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>{file} will be replaced.</source>
        <translation>{file} wird ersetzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>Make it with codesign-wizard identity request.</source>
        <translation>Erstellen Sie sie mit codesign-wizard identity request.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>Make another request; --fault unchecked answers this one all the same, and --apple installer or application as Apple would.</source>
        <translation>Erstellen Sie eine andere Anforderung; --fault unchecked beantwortet diese trotzdem, und --apple installer oder application so, wie Apple es täte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The profile {name} is saved.</source>
        <translation>Das Profil {name} ist gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The profile {name} and its secrets are forgotten.</source>
        <translation>Das Profil {name} und seine Geheimnisse wurden entfernt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>Files of another computer were left out of the profile: {files}.</source>
        <translation>Dateien eines anderen Computers wurden im Profil weggelassen: {files}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The proxy's login was left out of the export.</source>
        <translation>Die Anmeldedaten des Proxys wurden im Export weggelassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>what to do</source>
        <translation>was zu tun ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>set: keep the Comet Server's password, from standard input, in the keyring</source>
        <translation>set: das Passwort des Comet Servers, von der Standardeingabe, im Schlüsselbund speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>set: keep the one password of the .p12 files, read from standard input, in the keyring</source>
        <translation>set: das eine Passwort der .p12-Dateien, von der Standardeingabe, im Schlüsselbund speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>set: make a new profile with this name first</source>
        <translation>set: zuerst ein neues Profil mit diesem Namen anlegen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>There is no profile yet.</source>
        <translation>Es gibt noch kein Profil.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it needs KEY=VALUE, --secret-stdin, --password-stdin or --server-password-stdin</source>
        <translation>Es braucht KEY=VALUE, --secret-stdin, --password-stdin oder --server-password-stdin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>there is no profile to forget</source>
        <translation>Es gibt kein Profil, das sich entfernen ließe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it needs a file</source>
        <translation>Es braucht eine Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>the profile in it has no name</source>
        <translation>Das Profil darin hat keinen Namen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>a profile needs a name</source>
        <translation>Ein Profil braucht einen Namen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it has no = in it</source>
        <translation>Es enthält kein =</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The profile {name} and its secrets will be removed.</source>
        <translation>Das Profil {name} und seine Geheimnisse werden entfernt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it cannot be read as JSON</source>
        <translation>Es lässt sich nicht als JSON lesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>profile {what} does not take it</source>
        <translation>profile {what} nimmt es nicht an</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>Written to {file}.</source>
        <translation>Geschrieben nach {file}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>{setting} cannot be set: {why}.</source>
        <translation>{setting} lässt sich nicht setzen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>a profile needs one</source>
        <translation>Ein Profil braucht einen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>a team identifier is ten letters and digits, such as ABCDE12345</source>
        <translation>Eine Team-ID besteht aus zehn Buchstaben und Ziffern, etwa ABCDE12345</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it must be yes or no</source>
        <translation>Es muss yes oder no sein</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it must be a date such as 2027-05-01</source>
        <translation>Es muss ein Datum sein, etwa 2027-05-01</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it is not a setting; near to it: {names}</source>
        <translation>Das ist keine Einstellung; ähnlich: {names}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it must be one of {values}</source>
        <translation>Es muss eines von {values} sein</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/report.py"/>
        <source>where it goes, .html or .json; without it the short text for support is printed</source>
        <translation>wohin er kommt, .html oder .json; ohne dies wird der kurze Text für den Support ausgegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/report.py"/>
        <source>run doctor first, and report on that</source>
        <translation>zuerst doctor ausführen und darüber berichten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/report.py"/>
        <source>report takes neither --all-profiles nor --expiring nor --calendar.</source>
        <translation>report nimmt weder --all-profiles noch --expiring noch --calendar an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>a new request: the subject</source>
        <translation>eine neue Anforderung: der Inhaber</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>a new request: the key</source>
        <translation>eine neue Anforderung: der Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>the whole name, as in O="Example, Inc.",L=Town,C=GB</source>
        <translation>der ganze Name, etwa O="Example, Inc.",L=Town,C=GB</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>kind and size of the key (default: rsa-4096, which is advised)</source>
        <translation>Art und Länge des Schlüssels (Standard: rsa-4096, empfohlen)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>not in the HSM; CAs refuse it for code signing</source>
        <translation>nicht im HSM; CAs lehnen das für Codesignatur ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>a tag for the certificate; may be repeated</source>
        <translation>ein Tag für das Zertifikat; mehrfach möglich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>A subject is needed: --organization, --locality, --country, or --subject.</source>
        <translation>Angaben zum Inhaber sind nötig: --organization, --locality, --country oder --subject.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>Give the subject as a whole with --subject, or in parts, not both.</source>
        <translation>Geben Sie den Inhaber als Ganzes mit --subject an oder in Teilen, nicht beides.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>A tag is written as NAME=VALUE, not as {text}.</source>
        <translation>Ein Tag schreibt man NAME=VALUE, nicht {text}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>The subject cannot be read: {why}.</source>
        <translation>Die Angaben zum Inhaber lassen sich nicht lesen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>This changes the settings above, and nothing else.</source>
        <translation>Damit werden die Einstellungen oben geändert, und sonst nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>show: what the server has; diff: beside what the profile holds; apply: give it what differs, after asking; undo: give it the old values back; prove: let it build its clients, and judge them</source>
        <translation>show: was der Server hat; diff: neben dem, was das Profil enthält; apply: ihm geben, was abweicht, nach Rückfrage; undo: ihm die alten Werte zurückgeben; prove: ihn seine Clients erstellen lassen und sie beurteilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>diff, apply: only these settings; may be given more than once</source>
        <translation>diff, apply: nur diese Einstellungen; mehrfach möglich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>which of the server's fields take the .p12 files: CertificateFile or CertificateName</source>
        <translation>welche Felder des Servers die .p12-Dateien aufnehmen: CertificateFile oder CertificateName</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: the client to build, by the server's number; may be given more than once</source>
        <translation>prove: der zu erstellende Client, nach der Nummer des Servers; mehrfach möglich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: only list what the server can build</source>
        <translation>prove: nur aufzählen, was der Server erstellen kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: where the downloaded clients are put</source>
        <translation>prove: wohin die heruntergeladenen Clients kommen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: how long the server may take for one client (default: 30)</source>
        <translation>prove: wie lange der Server für einen Client brauchen darf (Standard: 30)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>the server's address</source>
        <translation>die Adresse des Servers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>the administrator's user name</source>
        <translation>der Benutzername des Administrators</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>read the administrator's password from standard input</source>
        <translation>das Passwort des Administrators von der Standardeingabe lesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>read a one-time code from standard input, on the line after the password if both are</source>
        <translation>einen Einmalcode von der Standardeingabe lesen, in der Zeile nach dem Passwort, wenn beides kommt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>let an http address of another computer be used, unencrypted</source>
        <translation>eine http-Adresse eines anderen Computers zulassen, unverschlüsselt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Password of {user} on {host}: </source>
        <translation>Passwort von {user} auf {host}: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Applied.</source>
        <translation>Übernommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The settings were given to the server; it will not sign clients until this is mended.</source>
        <translation>Der Server hat die Einstellungen; er signiert keine Clients, solange dies nicht behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>This gives the server the values from before the last change.</source>
        <translation>Damit erhält der Server die Werte von vor der letzten Änderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Undone.</source>
        <translation>Rückgängig gemacht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server does not have all its old settings.</source>
        <translation>Der Server hat nicht alle seine alten Einstellungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server's own clients are not signed as they should be.</source>
        <translation>Die eigenen Clients des Servers sind nicht signiert, wie sie es sein sollten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server offers no client.</source>
        <translation>Der Server bietet keinen Client an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>on the server</source>
        <translation>auf dem Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>in the profile</source>
        <translation>im Profil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Give minutes, more than 0 and at most 1440.</source>
        <translation>Geben Sie Minuten an, mehr als 0 und höchstens 1440.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>it was not waited for.</source>
        <translation>darauf wurde nicht gewartet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server can sign clients with these settings.</source>
        <translation>Mit diesen Einstellungen kann der Server Clients signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server will not sign clients until this is mended.</source>
        <translation>Der Server signiert keine Clients, solange dies nicht behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Nothing stands in the way.</source>
        <translation>Es steht nichts im Weg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>There was nothing to apply.</source>
        <translation>Es gab nichts zu übernehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Nothing was changed on the server.</source>
        <translation>Auf dem Server wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>server undo gives the old values back; server prove shows whether it signs.</source>
        <translation>server undo gibt die alten Werte zurück; server prove zeigt, ob er signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server builds no clients.</source>
        <translation>Der Server erstellt keine Clients.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>To be changed on {host}:</source>
        <translation>Wird auf {host} geändert:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>One-time code for {user}: </source>
        <translation>Einmalcode für {user}: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>To be set back on {host}:</source>
        <translation>Wird auf {host} zurückgesetzt:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Standard input can bring one secret only: the application's, or the .p12's password.</source>
        <translation>Die Standardeingabe kann nur ein Geheimnis bringen: das der Anwendung oder das Passwort der .p12.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Another program's judgement:</source>
        <translation>Das Urteil eines anderen Programms:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>the .exe, .dll, .pkg, .app or Mach-O to sign</source>
        <translation>die zu signierende .exe, .dll, .pkg, .app oder Mach-O-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>where the signed file goes</source>
        <translation>wohin die signierte Datei kommt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>sign with this .p12 in place of the profile's keys</source>
        <translation>mit dieser .p12 anstelle der Schlüssel des Profils signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>sign without a time stamp</source>
        <translation>ohne Zeitstempel signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Windows: add to the signatures that are there</source>
        <translation>Windows: zu den vorhandenen Signaturen hinzufügen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Windows: the profile's, else sha256</source>
        <translation>Windows: wie im Profil, sonst sha256</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>what Windows names when it asks</source>
        <translation>was Windows nennt, wenn es fragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>the address that goes with it</source>
        <translation>die Adresse dazu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>a time-stamp server, in order; may be repeated</source>
        <translation>ein Zeitstempelserver, der Reihe nach; mehrfach möglich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Signed.</source>
        <translation>Signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Signed, but Windows will not accept it.</source>
        <translation>Signiert, aber Windows wird es nicht akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>{name} is valid from {start} to {end}, and it was signed on {date}</source>
        <translation>{name} ist gültig von {start} bis {end}, und signiert wurde am {date}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Password of {file}: </source>
        <translation>Passwort von {file}: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>{file} will be replaced by its signed form.</source>
        <translation>{file} wird durch die signierte Form ersetzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>a .pkg or an .app that Apple notarised</source>
        <translation>ein .pkg oder eine .app, von Apple notarisiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>look only: is the right ticket there?</source>
        <translation>nur nachsehen: Ist das richtige Ticket da?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>for a ticket that is not there yet; default: 5</source>
        <translation>für ein Ticket, das noch nicht da ist; Standard: 5</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>The ticket is stapled, and it is the right one.</source>
        <translation>Das Ticket ist angeheftet, und es ist das richtige.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>Without the right ticket a Mac has to ask Apple, which takes a network.</source>
        <translation>Ohne das richtige Ticket muss ein Mac bei Apple nachfragen, wozu er ein Netzwerk braucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>{size} bytes</source>
        <translation>{size} Bytes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>Windows</source>
        <translation>Windows</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>macOS</source>
        <translation>macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>Checksum</source>
        <translation>Prüfsumme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed file</source>
        <translation>Signierte Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>what to try</source>
        <translation>was probiert wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>your own .exe or .pkg in place of the sample</source>
        <translation>Ihre eigene .exe oder Ihr eigenes .pkg anstelle des Musters</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>where the files go; a name that ends in .exe or .pkg is the file's</source>
        <translation>wohin die Dateien kommen; ein Name, der auf .exe oder .pkg endet, ist der der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>of the Windows sample; default: x64</source>
        <translation>des Windows-Musters; Standard: x64</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The trial did not succeed; nothing was written.</source>
        <translation>Der Probelauf ist nicht gelungen; es wurde nichts geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>usage: </source>
        <translation>Aufruf: </translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>positional arguments</source>
        <translation>Argumente</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>argument %(argument_name)s: %(message)s</source>
        <translation>Argument %(argument_name)s: %(message)s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>the following arguments are required: %s</source>
        <translation>diese Argumente sind nötig: %s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>one of the arguments %s is required</source>
        <translation>eines der Argumente %s ist nötig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>not allowed with argument %s</source>
        <translation>nicht zusammen mit dem Argument %s erlaubt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>ignored explicit argument %r</source>
        <translation>der angegebene Wert %r wird nicht angenommen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected one argument</source>
        <translation>ein Wert wird erwartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected at most one argument</source>
        <translation>höchstens ein Wert wird erwartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected at least one argument</source>
        <translation>mindestens ein Wert wird erwartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected %s arguments</source>
        <translation>%s Werte werden erwartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>invalid %(type)s value: %(value)r</source>
        <translation>ungültiger Wert (%(type)s): %(value)r</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>invalid choice: %(value)r (choose from %(choices)s)</source>
        <translation>ungültige Auswahl: %(value)r (möglich sind %(choices)s)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>an .exe, .dll, .pkg, .app or Mach-O</source>
        <translation>eine .exe, .dll, .pkg, .app oder Mach-O-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>trust these roots for code signing, too</source>
        <translation>diesen Stammzertifikaten auch für Codesignatur vertrauen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>trust these roots for time stamps, too</source>
        <translation>diesen Stammzertifikaten auch für Zeitstempel vertrauen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>Windows will not accept this file as it is.</source>
        <translation>So, wie sie ist, wird Windows diese Datei nicht akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>The file is signed, and Windows will accept it.</source>
        <translation>Die Datei ist signiert, und Windows wird sie akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it has other characters than letters and digits</source>
        <translation>Sie hat andere Zeichen als Buchstaben und Ziffern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is not of the form 8-4-4-4-12 hexadecimal digits</source>
        <translation>Sie hat nicht die Form von 8-4-4-4-12 hexadezimalen Ziffern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is an Issuer ID, which belongs into the other field</source>
        <translation>Das ist eine Issuer ID, die in das andere Feld gehört</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a Key ID or a Team ID; the Issuer ID stands above the list of keys</source>
        <translation>Das ist eine Key ID oder eine Team-ID; die Issuer ID steht über der Liste der Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>its hyphens are missing</source>
        <translation>Die Bindestriche fehlen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>The key in the keyring</source>
        <translation>Der Schlüssel im Schlüsselbund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a public key</source>
        <translation>Das ist ein öffentlicher Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it holds no private key</source>
        <translation>Es ist kein privater Schlüssel darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is far larger than a key</source>
        <translation>Die Datei ist weit größer als ein Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it has {count} characters, not 10</source>
        <translation>Sie hat {count} Zeichen, nicht 10</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a JSON file without a key in it</source>
        <translation>Das ist eine JSON-Datei ohne Schlüssel darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it does not begin like a key</source>
        <translation>Die Datei beginnt nicht wie ein Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is no JSON</source>
        <translation>Das ist kein JSON</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>what is between its first and last line is no key</source>
        <translation>Was zwischen der ersten und der letzten Zeile steht, ist kein Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is neither a key nor a certificate</source>
        <translation>Das ist weder ein Schlüssel noch ein Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>its last line, “{line}”, is missing</source>
        <translation>die letzte Zeile, „{line}“, fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a .p12 file</source>
        <translation>Das ist eine .p12-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is not the API key: {what}.</source>
        <translation>{file} ist nicht der API-Schlüssel: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is a certificate, not the API key.</source>
        <translation>{file} ist ein Zertifikat, nicht der API-Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is encrypted; the API key comes from Apple without a password.</source>
        <translation>{file} ist verschlüsselt; der API-Schlüssel kommt von Apple ohne Passwort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} holds a key of another kind ({kind}); Apple's API keys are EC P-256.</source>
        <translation>{file} enthält einen Schlüssel anderer Art ({kind}); Apples API-Schlüssel sind EC P-256.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} holds an EC key of the curve {curve}; Apple's API keys are of P-256.</source>
        <translation>{file} enthält einen EC-Schlüssel der Kurve {curve}; Apples API-Schlüssel verwenden P-256.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is cut short or damaged: {why}.</source>
        <translation>{file} ist unvollständig oder beschädigt: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is named like a key for in-app purchases, not for App Store Connect.</source>
        <translation>{file} heißt wie ein Schlüssel für In-App-Käufe, nicht wie einer für App Store Connect.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>There is no App Store Connect API key yet.</source>
        <translation>Es gibt noch keinen API-Schlüssel für App Store Connect.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Key ID is missing.</source>
        <translation>Die Key ID fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{value} is not a Key ID: {why}.</source>
        <translation>{value} ist keine Key ID: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Key ID was taken in capital letters: {value}.</source>
        <translation>Die Key ID wurde in Großbuchstaben übernommen: {value}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Key ID is {value}, but the file's name says {named}.</source>
        <translation>Die Key ID ist {value}, der Dateiname nennt aber {named}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Issuer ID is missing; a key that has none is an individual key, which the notary service refuses.</source>
        <translation>Die Issuer ID fehlt; ein Schlüssel ohne Issuer ID ist ein persönlicher Schlüssel, und den lehnt der Notarisierungsdienst ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{value} is not an Issuer ID: {why}.</source>
        <translation>{value} ist keine Issuer ID: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple accepts the API key {key_id}.</source>
        <translation>Apple akzeptiert den API-Schlüssel {key_id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple does not accept the key: Key ID, Issuer ID and file do not belong together, or it was revoked.</source>
        <translation>Apple akzeptiert den Schlüssel nicht: Key ID, Issuer ID und Datei gehören nicht zusammen, oder der Schlüssel wurde widerrufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple does not know the key {key_id} under this Issuer ID.</source>
        <translation>Apple kennt den Schlüssel {key_id} unter dieser Issuer ID nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple no longer accepts the key {key_id}, which worked on {date}.</source>
        <translation>Apple akzeptiert den Schlüssel {key_id} nicht mehr, der am {date} noch galt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Make a team key in App Store Connect and download it; that can be done once for each key.</source>
        <translation>Erstellen Sie in App Store Connect einen Team-Schlüssel, und laden Sie ihn herunter; das geht für jeden Schlüssel nur einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Take the file anew from where it was downloaded to, or from a backup.</source>
        <translation>Nehmen Sie die Datei noch einmal von dort, wohin sie heruntergeladen wurde, oder aus einer Sicherung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Give the file as Apple gave it, or take the password off.</source>
        <translation>Geben Sie die Datei so an, wie Apple sie ausgegeben hat, oder entfernen Sie das Passwort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Compare both ids with App Store Connect.</source>
        <translation>Vergleichen Sie beide IDs mit App Store Connect.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Generate API Key: a name, access “Developer”. An administrator has to do it.</source>
        <translation>„Generate API Key“: ein Name, Zugriff „Developer“. Das muss ein Administrator tun.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Download the file AuthKey_….p8. The Issuer ID stands above the list, the Key ID in it.</source>
        <translation>Laden Sie die Datei AuthKey_….p8 herunter. Die Issuer ID steht über der Liste, die Key ID darin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>It is a short text: “-----BEGIN PRIVATE KEY-----”, four lines, “-----END PRIVATE KEY-----”.</source>
        <translation>Es ist ein kurzer Text: „-----BEGIN PRIVATE KEY-----“, vier Zeilen, „-----END PRIVATE KEY-----“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Give the file itself: copying its text from a mail or a web page often loses a line.</source>
        <translation>Geben Sie die Datei selbst an: Beim Kopieren ihres Textes aus einer E-Mail oder Webseite geht oft eine Zeile verloren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>It asks for the password. Delete the new file once it was given here: the keyring has it.</source>
        <translation>Es fragt nach dem Passwort. Löschen Sie die neue Datei, sobald sie hier angegeben ist: Der Schlüsselbund hat sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>App Store Connect &gt; Users and Access &gt; Integrations &gt; App Store Connect API &gt; Team Keys.</source>
        <translation>App Store Connect: „Users and Access“ &gt; „Integrations“ &gt; „App Store Connect API“ &gt; „Team Keys“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Issuer ID: above the list; it is the same for all keys of a team.</source>
        <translation>Issuer ID: über der Liste; sie ist für alle Schlüssel eines Teams dieselbe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Key ID: in the key's line. A key that is not under Active was revoked.</source>
        <translation>Key ID: in der Zeile des Schlüssels. Ein Schlüssel, der nicht unter „Active“ steht, wurde widerrufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Where OpenSSL is installed: {command}</source>
        <translation>Wo OpenSSL installiert ist: {command}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it has no paths</source>
        <translation>Die Stückliste enthält keine Pfade</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it has no root</source>
        <translation>In der Stückliste fehlt die Wurzel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it is no bill of materials</source>
        <translation>Das ist keine Stückliste (BOM)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>a folder of {path} is missing in it</source>
        <translation>Ein Ordner von {path} fehlt darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>{path} is larger than 4 GiB</source>
        <translation>{path} ist größer als 4 GiB</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>it has neither a folder Contents nor an Info.plist</source>
        <translation>Weder ein Ordner Contents noch eine Info.plist ist vorhanden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its Info.plist names a program outside of it</source>
        <translation>Die Info.plist nennt ein Programm außerhalb des Bundles</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its Info.plist is too large to be one</source>
        <translation>Die Info.plist ist viel zu groß</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its Info.plist cannot be read: {why}</source>
        <translation>Die Info.plist kann nicht gelesen werden: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>{path} is neither a file nor a folder</source>
        <translation>{path} ist weder eine Datei noch ein Ordner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/certificates.py"/>
        <source>another kind</source>
        <translation>eine andere Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>its list of hashes is another one</source>
        <translation>Die Liste der Hashes ist eine andere</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>its further CodeDirectories are not signed</source>
        <translation>Die weiteren CodeDirectories sind nicht signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it again with a time stamp.</source>
        <translation>Signieren Sie die Datei erneut, mit Zeitstempel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it with the Developer ID Application certificate.</source>
        <translation>Signieren Sie die Datei mit dem Zertifikat „Developer ID Application“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it with Developer ID Application.</source>
        <translation>Signieren Sie die Datei mit „Developer ID Application“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it again with the hardened runtime.</source>
        <translation>Signieren Sie die Datei erneut, mit Hardened Runtime.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>there is no CodeDirectory</source>
        <translation>Es gibt kein CodeDirectory</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Take it from where it was signed, or sign it again.</source>
        <translation>Nehmen Sie die Datei von dort, wo sie signiert wurde, oder signieren Sie sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>the signer's certificate is not in it</source>
        <translation>Das Zertifikat des Unterzeichners fehlt darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it again.</source>
        <translation>Signieren Sie die Datei erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>its CodeDirectories contradict each other</source>
        <translation>Die CodeDirectories widersprechen einander</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_cms.py"/>
        <source>its list of hashes is not one</source>
        <translation>Die Liste der Hashes ist keine Liste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_cms.py"/>
        <source>its list of hashes is no property list</source>
        <translation>Die Liste der Hashes ist keine Property List</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>it covers scattered code, which no program does</source>
        <translation>Es deckt verstreuten Code ab, was bei keinem Programm vorkommt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its hashes lie outside of it</source>
        <translation>Die Hashes liegen außerhalb</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its version is not known</source>
        <translation>Die Version ist nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its kind of hash is not known</source>
        <translation>Die Art des Hashes ist nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its numbers are beyond any program's</source>
        <translation>Die Zahlen darin sind größer als bei jedem Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>a name in it is not readable</source>
        <translation>Ein Name darin ist nicht lesbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>the file ends before the code that was signed</source>
        <translation>Die Datei endet vor dem Ende des signierten Codes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is not signed.</source>
        <translation>{place} ist nicht signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is signed by nobody: it has only the linker's hashes.</source>
        <translation>{place} ist von niemandem signiert: Es sind nur die Hashes des Linkers vorhanden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The signature of {place} cannot be read: {why}.</source>
        <translation>Die Signatur von {place} kann nicht gelesen werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Every page of code is what was signed (signatures: {count}).</source>
        <translation>Jeder Abschnitt des Codes ist so, wie er signiert wurde (Signaturen: {count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} was changed after it was signed.</source>
        <translation>{place} wurde nach dem Signieren geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Info.plist, requirements, entitlements and seals are those that were signed.</source>
        <translation>Info.plist, Anforderungen, Entitlements und Siegel sind so, wie sie signiert wurden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} was signed with other {part} than it has now.</source>
        <translation>{place} wurde nicht mit dem signiert, was jetzt darin steht: {part} weicht ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The signatures were made by the key of {signer}.</source>
        <translation>Die Signaturen wurden mit dem Schlüssel von {signer} erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The signature of {place} does not hold: {why}.</source>
        <translation>Die Signatur von {place} ist ungültig: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>macOS will not accept {signer}: {why}.</source>
        <translation>macOS wird {signer} nicht akzeptieren: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The certificate is for apps outside the App Store (Developer ID Application).</source>
        <translation>Das Zertifikat ist für Apps außerhalb des App Store bestimmt (Developer ID Application).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is signed with a certificate of another kind: {kind}.</source>
        <translation>{place} ist mit einem Zertifikat anderer Art signiert: {kind}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>All code fulfils its own designated requirement.</source>
        <translation>Der gesamte Code erfüllt seine eigene „designated requirement“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} does not fulfil the requirement it carries: {requirement}.</source>
        <translation>{place} erfüllt die eigene Anforderung nicht: {requirement}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} carries no designated requirement; macOS makes one up from its certificate.</source>
        <translation>{place} enthält keine „designated requirement“; macOS leitet eine aus dem Zertifikat ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The hardened runtime is on for every program.</source>
        <translation>Hardened Runtime ist für jedes Programm eingeschaltet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} does not have the hardened runtime on, which notarisation asks for.</source>
        <translation>Bei {place} ist Hardened Runtime nicht eingeschaltet; die Notarisierung verlangt das.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The time stamps hold; the latest says {time} UTC ({server}).</source>
        <translation>Die Zeitstempel sind gültig; der späteste nennt {time} UTC ({server}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The time stamps hold ({time} UTC, {server}), but by a root that was added in the settings.</source>
        <translation>Die Zeitstempel sind gültig ({time} UTC, {server}), aber nur durch ein Stammzertifikat, das in den Einstellungen hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} has no time stamp, which notarisation asks for; its signature ends on {date}.</source>
        <translation>{place} hat keinen Zeitstempel, den die Notarisierung verlangt; die Signatur endet am {date}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The time stamp of {place} does not hold: {why}.</source>
        <translation>Der Zeitstempel von {place} ist ungültig: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>All code is of one team: {team}.</source>
        <translation>Der gesamte Code gehört zu einem Team: {team}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is of team {team}, the rest of {other}: with the hardened runtime it will not be loaded.</source>
        <translation>{place} gehört zum Team {team}, der Rest zu {other}: Mit Hardened Runtime wird der Teil nicht geladen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} says team {team}, but its certificate is of {other}.</source>
        <translation>{place} nennt das Team {team}, das Zertifikat gehört aber zu {other}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The two forms of the entitlements of {place} say different things.</source>
        <translation>Die beiden Formen der Entitlements von {place} sagen Verschiedenes.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} asks to be debugged (get-task-allow), which Apple usually refuses to notarise.</source>
        <translation>{place} erlaubt das Debuggen (get-task-allow); Apple lehnt die Notarisierung dann meist ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>All {count} sealed files are as they were, and nothing was added.</source>
        <translation>Alle {count} versiegelten Dateien sind unverändert, und nichts kam hinzu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} has no readable seal over its files: {why}.</source>
        <translation>{place} hat kein lesbares Siegel über die Dateien: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Not as it was sealed in {place} ({count}): {what}.</source>
        <translation>Nicht so wie in {place} versiegelt ({count}): {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} has bytes attached to it that no signature covers, which macOS refuses.</source>
        <translation>An {place} hängen Bytes, die keine Signatur abdeckt; macOS lehnt das ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} holds what its seal cannot cover, which macOS refuses: {what}.</source>
        <translation>{place} enthält etwas, das vom Siegel nicht abgedeckt werden kann; macOS lehnt das ab: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The link {place} leads out of the bundle, to {target}, which macOS refuses.</source>
        <translation>Der Link {place} führt aus dem Bundle hinaus, nach {target}; macOS lehnt das ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The link {place} leads to nothing in the bundle ({target}), which macOS refuses.</source>
        <translation>Der Link {place} führt im Bundle ins Leere ({target}); macOS lehnt das ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>A rule of the seal of {place} was not applied: {rule}.</source>
        <translation>Eine Regel des Siegels von {place} wurde nicht angewendet: {rule}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{folder} is not an app or another bundle: {why}.</source>
        <translation>{folder} ist keine App und kein anderes Bundle: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Gatekeeper stops it on a customer's Mac until Apple has notarised it.</source>
        <translation>Auf dem Mac eines Kunden blockiert Gatekeeper dies, bis Apple es notarisiert hat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>A notarisation ticket is stapled to it; what it says was not checked.</source>
        <translation>Ein Ticket der Notarisierung ist angeheftet; was es aussagt, wurde nicht geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>app or other bundle for macOS</source>
        <translation>App oder anderes Bundle für macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>program for macOS</source>
        <translation>Programm für macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>library for macOS</source>
        <translation>Bibliothek für macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Mach-O file of the kind {kind}</source>
        <translation>Mach-O-Datei der Art {kind}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Programs and libraries</source>
        <translation>Programme und Bibliotheken</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>{file} is code for macOS signed by {signer}.</source>
        <translation>{file} ist Code für macOS, signiert von {signer}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Identifier</source>
        <translation>Kennung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Hardened runtime</source>
        <translation>Hardened Runtime</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Entitlements</source>
        <translation>Entitlements</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>{file} is code for macOS, signed by nobody: only hashed by its linker.</source>
        <translation>{file} ist Code für macOS, von niemandem signiert: Nur der Linker hat Hashes eingetragen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>{file} is code for macOS that is not signed.</source>
        <translation>{file} ist Code für macOS und nicht signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its entry for {path} is not one</source>
        <translation>Der Eintrag für {path} ist keiner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its rule {pattern} is not one</source>
        <translation>Die Regel {pattern} ist keine</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its part “{name}” is not a list</source>
        <translation>Der Teil „{name}“ ist keine Liste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a file name in it is empty or too long</source>
        <translation>Ein Dateiname darin ist leer oder zu lang</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>it is no cpio archive, or is damaged</source>
        <translation>Das ist kein cpio-Archiv, oder es ist beschädigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a link in it leads nowhere</source>
        <translation>Ein Link darin führt ins Leere</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a number in it is damaged</source>
        <translation>Eine Zahl darin ist beschädigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>{name} does not fit into a package: too large, or an owner's number too high</source>
        <translation>{name} passt nicht in ein Paket: zu groß, oder die Nummer eines Besitzers ist zu hoch</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>a signature that is not detached</source>
        <translation>eine Signatur, die nicht abgetrennt („detached“) ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/doctor.py"/>
        <source>The time-stamp server {server} answers, and its time stamp holds.</source>
        <translation>Der Zeitstempelserver {server} antwortet, und sein Zeitstempel ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/doctor.py"/>
        <source>This computer's clock is {minutes} minutes off the time-stamp server's.</source>
        <translation>Die Uhr dieses Computers weicht um {minutes} Minuten von der des Zeitstempelservers ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/doctor.py"/>
        <source>A test program and a test package were signed by team {team}, and their signatures hold.</source>
        <translation>Ein Testprogramm und ein Testpaket wurden für das Team {team} signiert, und die Signaturen sind gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>they hold a date, a fraction or binary data, which they must not</source>
        <translation>Sie enthalten ein Datum, einen Bruch oder Binärdaten; das ist nicht erlaubt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>a value of another kind</source>
        <translation>ein Wert anderer Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it is larger than any property list of this kind</source>
        <translation>Die Datei ist größer als jede Property List dieser Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its outermost part is no dictionary</source>
        <translation>Der äußerste Teil ist kein Dictionary</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>they are nested too deeply</source>
        <translation>Sie sind zu tief verschachtelt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>no dictionary</source>
        <translation>kein Dictionary</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>nested too deeply</source>
        <translation>zu tief verschachtelt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it is no property list</source>
        <translation>Das ist keine Property List</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it repeats itself without end</source>
        <translation>Die Datei enthält sich endlos selbst</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>a version that is not known</source>
        <translation>eine Version, die nicht bekannt ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>no pair</source>
        <translation>kein Paar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>package</source>
        <translation>Paket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>app or other bundle</source>
        <translation>App oder anderes Bundle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>program</source>
        <translation>Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>app in a zip</source>
        <translation>App in einer ZIP-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper stops a downloaded copy, with a network and without: its signature does not hold.</source>
        <translation>Gatekeeper blockiert eine heruntergeladene Kopie, mit und ohne Netz: Ihre Signatur ist ungültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper stops a downloaded copy, with a network and without: Apple has not notarised it.</source>
        <translation>Gatekeeper blockiert eine heruntergeladene Kopie, mit und ohne Netz: Apple hat sie nicht notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Once Apple has notarised it, Gatekeeper lets a downloaded copy through; without a network it stops it.</source>
        <translation>Sobald Apple notarisiert hat, lässt Gatekeeper eine heruntergeladene Kopie durch; ohne Netz wird sie blockiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>No ticket is stapled yet: until then a Mac without a network stops a downloaded copy.</source>
        <translation>Noch ist kein Ticket angeheftet: Bis dahin blockiert ein Mac ohne Netz eine heruntergeladene Kopie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper lets it through without notarisation, because its certificate is of before April 2019.</source>
        <translation>Gatekeeper lässt dies ohne Notarisierung durch, weil das Zertifikat aus der Zeit vor April 2019 stammt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper lets a downloaded copy through, with a network and without, if the ticket belongs to it.</source>
        <translation>Gatekeeper lässt eine heruntergeladene Kopie durch, mit und ohne Netz, wenn das Ticket dazugehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Choose a level with notarisation for what customers download.</source>
        <translation>Wählen Sie für das, was Kunden herunterladen, eine Stufe mit Notarisierung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>{file} is the {kind} certificate: it was moved there.</source>
        <translation>{file} ist das Zertifikat „{kind}“: Es wurde an dessen Platz verschoben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Two files were taken; these were not looked at: {files}.</source>
        <translation>Zwei Dateien wurden übernommen; diese wurden nicht angesehen: {files}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>{file} holds both identities, and programs differ in which one they take.</source>
        <translation>{file} enthält beide Identitäten, und Programme wählen unterschiedlich, welche sie verwenden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Write each identity to a file of its own.</source>
        <translation>Schreiben Sie jede Identität in eine eigene Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Run `codesign-wizard identity repack` with the file.</source>
        <translation>Führen Sie `codesign-wizard identity repack` mit der Datei aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Give one of them in place of another.</source>
        <translation>Geben Sie eine davon anstelle einer anderen an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is no .p12 file: {what}.</source>
        <translation>{file} ist keine .p12-Datei: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is a certificate without its private key ({name}).</source>
        <translation>{file} ist ein Zertifikat ohne seinen privaten Schlüssel ({name}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is damaged: it begins like a .p12 file but cannot be read to its end.</source>
        <translation>{file} ist beschädigt: Die Datei beginnt wie eine .p12-Datei, kann aber nicht bis zum Ende gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The password does not open {file}.</source>
        <translation>Das Passwort öffnet {file} nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is protected by a password.</source>
        <translation>{file} ist durch ein Passwort geschützt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} asks for more work than any .p12 file needs and is not opened.</source>
        <translation>{file} verlangt mehr Rechenaufwand, als eine .p12-Datei braucht, und wird nicht geöffnet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is protected in a way that cannot be opened here: {what}.</source>
        <translation>{file} ist auf eine Weise geschützt, die hier nicht geöffnet werden kann: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The password opens {file}, but the key or certificate in it cannot be read.</source>
        <translation>Das Passwort öffnet {file}, aber der Schlüssel oder das Zertifikat darin kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds certificates but no private key, so nothing can be signed with it.</source>
        <translation>{file} enthält Zertifikate, aber keinen privaten Schlüssel; damit lässt sich nichts signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds a private key, but no certificate that belongs to it.</source>
        <translation>{file} enthält einen privaten Schlüssel, aber kein Zertifikat, das dazu gehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds neither a key nor a certificate.</source>
        <translation>{file} enthält weder einen Schlüssel noch ein Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds {count} identities; {name} is the one that is used.</source>
        <translation>{file} enthält {count} Identitäten; verwendet wird {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} hides its keys behind the password, so only the first one is seen.</source>
        <translation>{file} verbirgt die Schlüssel hinter dem Passwort; deshalb ist nur der erste zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds a certificate “{kind}”, which does not sign for distribution outside the App Store.</source>
        <translation>{file} enthält ein Zertifikat „{kind}“; damit lässt sich nicht für die Verbreitung außerhalb des App Store signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds a certificate that Apple did not make for signing ({name}, issued by {issuer}).</source>
        <translation>{file} enthält ein Zertifikat, das Apple nicht zum Signieren ausgestellt hat ({name}, ausgestellt von {issuer}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is the {kind} certificate, not the {wanted} one.</source>
        <translation>{file} ist das Zertifikat „{kind}“, nicht „{wanted}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Both files are {kind} certificates; the {missing} one is missing.</source>
        <translation>Beide Dateien sind Zertifikate „{kind}“; „{missing}“ fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The two files belong to two teams: {first} and {second}.</source>
        <translation>Die beiden Dateien gehören zu zwei Teams: {first} und {second}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The two files are under two passwords; the server takes one for both.</source>
        <translation>Die beiden Dateien haben zwei verschiedene Passwörter; der Server nimmt nur eines für beide.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} expired on {date}.</source>
        <translation>Das Zertifikat in {file} ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} is valid only from {date}.</source>
        <translation>Das Zertifikat in {file} ist erst ab {date} gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} expires on {date}, {left}.</source>
        <translation>Das Zertifikat in {file} läuft am {date} ab, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} was issued by Apple's first Developer ID authority, which ends on {date}.</source>
        <translation>Das Zertifikat in {file} wurde von Apples erster Developer-ID-Zertifizierungsstelle ausgestellt, die am {date} endet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The RSA key in {file} has only {bits} bits; Apple asks for 2048.</source>
        <translation>Der RSA-Schlüssel in {file} hat nur {bits} Bit; Apple verlangt 2048.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The key in {file} is not an RSA key; Developer ID certificates have RSA keys.</source>
        <translation>Der Schlüssel in {file} ist kein RSA-Schlüssel; Developer-ID-Zertifikate haben RSA-Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} names no team.</source>
        <translation>Das Zertifikat in {file} nennt kein Team.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} does not lead to Apple's root: {why}.</source>
        <translation>Das Zertifikat in {file} führt nicht zu Apples Stammzertifikat: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} lacks Apple's intermediate certificate; it is added from this program.</source>
        <translation>In {file} fehlt Apples Zwischenzertifikat; es wird aus diesem Programm ergänzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>A password is needed for the .p12 files that are to be written.</source>
        <translation>Für die .p12-Dateien, die geschrieben werden sollen, wird ein Passwort gebraucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Written, with key and whole chain: {files}.</source>
        <translation>Geschrieben, mit Schlüssel und vollständiger Kette: {files}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The key and signing request for {kind} are ready: {file}.</source>
        <translation>Schlüssel und Zertifikatanforderung für {kind} sind fertig: {file}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>A signing request for {kind} of {date} waits already, and is given out again: {file}.</source>
        <translation>Eine Zertifikatanforderung für {kind} vom {date} wartet schon und wird erneut ausgegeben: {file}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>This system has no keyring to keep the keys' password in.</source>
        <translation>Dieses System hat keinen Schlüsselbund, der das Passwort der Schlüssel aufbewahren könnte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The key for {kind} that was made here does not open with the password kept for it.</source>
        <translation>Der hier erstellte Schlüssel für {kind} lässt sich mit dem dafür aufbewahrten Passwort nicht öffnen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} ({name}) does not belong to any key that was made here.</source>
        <translation>{file} ({name}) gehört zu keinem Schlüssel, der hier erstellt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>No signing request was made here that a certificate could belong to.</source>
        <translation>Hier wurde keine Zertifikatanforderung erstellt, zu der ein Zertifikat gehören könnte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds no certificate: {what}.</source>
        <translation>{file} enthält kein Zertifikat: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file}: {kind} of {name} (team {team}), valid until {date}.</source>
        <translation>{file}: {kind} von {name} (Team {team}), gültig bis {date}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Installer and Application belong to the same team, {team}, and open with one password.</source>
        <translation>Installer und Application gehören zum selben Team, {team}, und lassen sich mit einem Passwort öffnen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Export the certificate together with its key, on the Mac that made the request.</source>
        <translation>Exportieren Sie das Zertifikat zusammen mit seinem Schlüssel, auf dem Mac, auf dem die Anforderung erstellt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Give each file in the other's place.</source>
        <translation>Vertauschen Sie die beiden Dateien.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Re-export both files under one password.</source>
        <translation>Exportieren Sie beide Dateien erneut mit einem gemeinsamen Passwort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Type the password that was chosen when the file was exported.</source>
        <translation>Geben Sie das Passwort ein, das beim Exportieren der Datei gewählt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>If its signing request was made here, put the .cer together with the key that waits.</source>
        <translation>Wurde die Zertifikatanforderung hier erstellt, führen Sie die .cer-Datei mit dem wartenden Schlüssel zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Open Keychain Access, keychain “login”, category “My Certificates”.</source>
        <translation>Öffnen Sie die Schlüsselbundverwaltung (Keychain Access), Schlüsselbund „Anmeldung“, Kategorie „Meine Zertifikate“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Unfold the certificate: a private key must appear below it, or this is another Mac.</source>
        <translation>Klappen Sie das Zertifikat auf: Darunter muss ein privater Schlüssel erscheinen, sonst ist es der falsche Mac.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Select the certificate, File &gt; Export Items, format .p12, and choose a password.</source>
        <translation>Wählen Sie das Zertifikat, dann „Ablage &gt; Objekte exportieren“, Format .p12, und vergeben Sie ein Passwort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Sign in as the Account Holder: only that role creates Developer ID certificates.</source>
        <translation>Melden Sie sich als „Account Holder“ an: Nur diese Rolle erstellt Developer-ID-Zertifikate.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Choose G2 Sub-CA, upload the signing request, and download the .cer file.</source>
        <translation>Wählen Sie „G2 Sub-CA“, laden Sie die Zertifikatanforderung hoch und die .cer-Datei herunter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Run `codesign-wizard identity repack` with both files.</source>
        <translation>Führen Sie `codesign-wizard identity repack` mit beiden Dateien aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>It is not the password of the Mac or of the Apple account, unless the same was chosen.</source>
        <translation>Es ist nicht das Passwort des Mac oder des Apple-Accounts, außer wenn dasselbe gewählt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>If it is lost, export the file again: a .p12 cannot be opened without it.</source>
        <translation>Ist es verloren, exportieren Sie die Datei noch einmal: Eine .p12-Datei lässt sich ohne Passwort nicht öffnen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Run `codesign-wizard identity assemble` with the .cer file.</source>
        <translation>Führen Sie `codesign-wizard identity assemble` mit der .cer-Datei aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Create a {kind} certificate on Apple's site.</source>
        <translation>Erstellen Sie auf Apples Website ein Zertifikat „{kind}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Certificates, + (add), under Software choose {kind}.</source>
        <translation>„Certificates“, „+“ (hinzufügen), unter „Software“ „{kind}“ wählen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>Export or copy the file again, as a whole.</source>
        <translation>Exportieren oder kopieren Sie die Datei noch einmal vollständig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>Export one identity a file.</source>
        <translation>Exportieren Sie jede Identität in eine eigene Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>In Keychain Access, select one certificate only before File &gt; Export Items.</source>
        <translation>Wählen Sie in der Schlüsselbundverwaltung nur ein Zertifikat, bevor Sie „Ablage &gt; Objekte exportieren“ wählen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>Or run `codesign-wizard identity repack`, which writes each to its own file.</source>
        <translation>Oder führen Sie `codesign-wizard identity repack` aus; der Befehl schreibt jede Identität in eine eigene Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_pair.py"/>
        <source>Choose the team that publishes the program, and get the other certificate from it.</source>
        <translation>Wählen Sie das Team, das das Programm veröffentlicht, und holen Sie das andere Zertifikat von diesem Team.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_pair.py"/>
        <source>On Apple's site, the team is chosen at the top right, by its name.</source>
        <translation>Auf Apples Website wird das Team oben rechts gewählt, nach seinem Namen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>No certificates yet.</source>
        <translation>Noch keine Zertifikate.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Drop the two .p12 files that a Mac exported, or make the signing requests here, without a Mac.</source>
        <translation>Legen Sie die beiden .p12-Dateien ab, die ein Mac exportiert hat, oder erstellen Sie die Zertifikatanforderungen hier, ohne Mac.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The .p12 files are not written yet.</source>
        <translation>Die .p12-Dateien sind noch nicht geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The password of the files is still missing.</source>
        <translation>Das Passwort der Dateien fehlt noch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Apple's certificates are still missing.</source>
        <translation>Die Zertifikate von Apple fehlen noch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The certificates fit the keys made here.</source>
        <translation>Die Zertifikate passen zu den hier erstellten Schlüsseln.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Type the password of the files.</source>
        <translation>Geben Sie das Passwort der Dateien ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>It was chosen when they were exported or written here. They are read on this computer only.</source>
        <translation>Es wurde gewählt, als sie exportiert oder hier geschrieben wurden. Gelesen werden sie nur auf diesem Computer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Both are needed: one signs the package, the other the programs inside.</source>
        <translation>Beide werden gebraucht: Eines signiert das Paket, das andere die Programme darin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Both certificates can sign, for {owner} (team {team}).</source>
        <translation>Beide Zertifikate können signieren, für {owner} (Team {team}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Two signing requests wait for Apple's certificates.</source>
        <translation>Zwei Zertifikatanforderungen warten auf Apples Zertifikate.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The first of them ends on {date}, {left}.</source>
        <translation>Das erste davon läuft am {date} ab, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The request for {kind} waits for Apple's certificate.</source>
        <translation>Die Anforderung für {kind} wartet auf Apples Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The {name} certificate is still missing.</source>
        <translation>Das Zertifikat „{name}“ fehlt noch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>They are not written yet: say where the .p12 files go.</source>
        <translation>Sie sind noch nicht geschrieben: Geben Sie an, wohin die .p12-Dateien kommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_work.py"/>
        <source>Unlock or install a keyring, or choose a password yourself and use the command.</source>
        <translation>Entsperren oder installieren Sie einen Schlüsselbund, oder wählen Sie selbst ein Passwort und verwenden Sie den Befehl.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_work.py"/>
        <source>Set CODESIGN_WIZARD_KEYS_PASSWORD to a password that you keep yourself.</source>
        <translation>Setzen Sie CODESIGN_WIZARD_KEYS_PASSWORD auf ein Passwort, das Sie selbst aufbewahren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_work.py"/>
        <source>Run `codesign-wizard identity request`, and later `identity assemble`, with it.</source>
        <translation>Führen Sie damit `codesign-wizard identity request` aus und später `identity assemble`.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asks Apple's time-stamp server only. Keys and file stay on this computer.</source>
        <translation>Fragt nur Apples Zeitstempelserver. Schlüssel und Datei bleiben auf diesem Computer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed and notarised: it opens on a Mac that can ask Apple.</source>
        <translation>Signiert und notarisiert: Es öffnet sich auf einem Mac, der Apple fragen kann.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Going on takes it from Apple and staples it.</source>
        <translation>Beim Fortsetzen wird es von Apple geholt und angeheftet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asks Apple for the result; nothing is sent.</source>
        <translation>Fragt Apple nach dem Ergebnis; geschickt wird nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asks Apple for the ticket; nothing is sent.</source>
        <translation>Fragt Apple nach dem Ticket; geschickt wird nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Sends the signed package to Apple. The keys stay on this computer.</source>
        <translation>Schickt das signierte Paket an Apple. Die Schlüssel bleiben auf diesem Computer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed, notarised and stapled: it opens on every Mac, with a network and without.</source>
        <translation>Signiert und notarisiert, Ticket angeheftet: Es öffnet sich auf jedem Mac, mit und ohne Netz.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Mend what is listed below, then try again; or submit it all the same, by the button above.</source>
        <translation>Beheben Sie, was unten aufgezählt ist, und versuchen Sie es noch einmal; oder reichen Sie das Paket mit der Schaltfläche oben trotzdem ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Sign it, innermost first, then the package again: a trial on this page does both.</source>
        <translation>Signieren Sie alles von innen nach außen, zuletzt noch einmal das Paket: Ein Probelauf auf dieser Seite tut beides.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Going on sends only what has not arrived.</source>
        <translation>Beim Fortsetzen wird nur gesendet, was noch nicht angekommen ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed and verified: the signatures hold.</source>
        <translation>Signiert und geprüft: Die Signaturen sind gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed, notarised and stapled</source>
        <translation>Signiert, notarisiert, Ticket angeheftet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed and notarised</source>
        <translation>Signiert und notarisiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>not fully uploaded</source>
        <translation>nicht vollständig hochgeladen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>with Apple</source>
        <translation>bei Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>refused: invalid</source>
        <translation>abgelehnt: ungültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>given up: never fully uploaded</source>
        <translation>aufgegeben: nie vollständig hochgeladen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Upload</source>
        <translation>Hochladen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Staple</source>
        <translation>Anheften</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Validate</source>
        <translation>Ticket prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{file} is notarised; the ticket is not in it yet.</source>
        <translation>{file} ist notarisiert; das Ticket ist noch nicht darin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Uploading to Apple</source>
        <translation>Wird zu Apple hochgeladen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Waiting for Apple</source>
        <translation>Warten auf Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Stapling</source>
        <translation>Ticket wird angeheftet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Comparing the ticket</source>
        <translation>Ticket wird verglichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{done}, with the roots that were added: macOS does not know them.</source>
        <translation>{done}, mit den hinzugefügten Stammzertifikaten: macOS kennt sie nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{file} is with Apple; nobody waits for the result now.</source>
        <translation>{file} ist bei Apple; im Moment wartet niemand auf das Ergebnis.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Going on asks for it. The submission {id} is kept, and nothing is sent twice.</source>
        <translation>Beim Fortsetzen wird danach gefragt. Die Einreichung {id} bleibt erhalten, und nichts wird zweimal gesendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{file} is signed; the upload to Apple is not finished.</source>
        <translation>{file} ist signiert; das Hochladen zu Apple ist nicht abgeschlossen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Uploading to Apple.</source>
        <translation>Wird zu Apple hochgeladen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Cancelling keeps what has arrived; going on sends the rest.</source>
        <translation>Beim Abbrechen bleibt erhalten, was schon angekommen ist; beim Fortsetzen wird der Rest gesendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Apple is looking at it: usually 2 to 15 minutes.</source>
        <translation>Apple prüft: Üblich sind 2 bis 15 Minuten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>New teams may wait hours. Stop waiting whenever you like: the submission stays with Apple, and this page goes on with it, even after the wizard was closed.</source>
        <translation>Bei neuen Teams kann es Stunden dauern. Sie können das Warten jederzeit beenden: Die Einreichung bleibt bei Apple, und diese Seite setzt sie fort, auch wenn der Assistent zwischendurch geschlossen war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asking Apple for the ticket.</source>
        <translation>Apple wird nach dem Ticket gefragt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>It may come a little after the result.</source>
        <translation>Es kann kurz nach dem Ergebnis kommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Comparing the ticket with Apple's.</source>
        <translation>Das Ticket wird mit dem von Apple verglichen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>For customers, take “Sign, notarise and staple”: a backup client is often installed behind a firewall, or on a Mac that is being set up, from where Apple cannot be asked. There the ticket has to be inside.</source>
        <translation>Für Kunden nehmen Sie „Notarisieren und anheften“: Ein Backup-Client wird oft hinter einer Firewall installiert oder auf einem Mac, der gerade eingerichtet wird. Von dort kann Apple nicht gefragt werden, also muss das Ticket im Paket sein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The price is the wait at the first download after each new version of the server, 10 minutes or more; later downloads are at once. If that wait is a nuisance and all Macs are online, “Sign and notarise” is enough.</source>
        <translation>Der Preis ist die Wartezeit beim ersten Download nach jeder neuen Version des Servers, 10 Minuten oder mehr; spätere Downloads sind sofort da. Stört diese Wartezeit und sind alle Macs online, genügt „Signieren und notarisieren“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>“Sign only” is for tests, and for packages that are not downloaded with a browser or a mail: only what is marked as downloaded is judged by Gatekeeper.</source>
        <translation>„Nur signieren“ ist für Tests und für Pakete, die nicht mit einem Browser oder per E-Mail heruntergeladen werden: Gatekeeper beurteilt nur, was als heruntergeladen markiert ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The API key is still missing.</source>
        <translation>Der API-Schlüssel fehlt noch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Apple accepts the key: this level can be reached.</source>
        <translation>Apple akzeptiert den Schlüssel: Diese Stufe ist erreichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Developer ID Installer</source>
        <translation>Developer ID Installer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Developer ID Application</source>
        <translation>Developer ID Application</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Both certificates</source>
        <translation>Beide Zertifikate</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: could not be checked</source>
        <translation>API-Schlüssel: konnte nicht geprüft werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Fastest. macOS 10.15 and later stop what was downloaded.</source>
        <translation>Am schnellsten. macOS 10.15 und neuer blockiert, was heruntergeladen wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Good. The customer's Mac asks Apple once, when it is first opened.</source>
        <translation>Gut. Der Mac des Kunden fragt Apple einmal, beim ersten Öffnen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Best. Apple's ticket is inside the package.</source>
        <translation>Am besten. Apples Ticket ist im Paket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The API key that was found is not taken yet.</source>
        <translation>Der gefundene API-Schlüssel ist noch nicht übernommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The other two levels avoid that; they need an API key.</source>
        <translation>Die beiden anderen Stufen vermeiden das; sie brauchen einen API-Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Key or network changed since Apple was asked: check it again.</source>
        <translation>Schlüssel oder Netz haben sich geändert, seit Apple gefragt wurde: Prüfen Sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>An API key was found on this computer.</source>
        <translation>Auf diesem Computer wurde ein API-Schlüssel gefunden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Take it below, or give another one; then the Issuer ID.</source>
        <translation>Übernehmen Sie ihn unten, oder geben Sie einen anderen an; dann die Issuer ID.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>This level needs an App Store Connect API key.</source>
        <translation>Für diese Stufe wird ein API-Schlüssel für App Store Connect gebraucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Drop its file below, AuthKey_….p8, and give the Issuer ID.</source>
        <translation>Legen Sie die Datei unten ab, AuthKey_….p8, und geben Sie die Issuer ID an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The key is there. Apple has not been asked yet.</source>
        <translation>Der Schlüssel ist da. Apple wurde noch nicht gefragt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Issuer ID</source>
        <translation>Issuer ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Key ID</source>
        <translation>Key ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: found, not taken yet</source>
        <translation>API-Schlüssel: gefunden, noch nicht übernommen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: none yet</source>
        <translation>API-Schlüssel: noch keiner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Agreement with Apple: has to be accepted</source>
        <translation>Vereinbarung mit Apple: muss akzeptiert werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Membership in Apple's programme: ended or suspended</source>
        <translation>Mitgliedschaft im Apple-Programm: beendet oder ausgesetzt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: Apple does not take it</source>
        <translation>API-Schlüssel: von Apple nicht akzeptiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The {name} is still missing.</source>
        <translation>Die {name} fehlt noch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{one} and {other} cannot be right.</source>
        <translation>{one} und {other} können nicht stimmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The {name} cannot be right.</source>
        <translation>Die {name} kann nicht stimmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: not checked yet</source>
        <translation>API-Schlüssel: noch nicht geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: accepted by Apple</source>
        <translation>API-Schlüssel: von Apple akzeptiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>No API key</source>
        <translation>Kein API-Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Customers read “cannot be opened”, with a network and without</source>
        <translation>Kunden lesen „kann nicht geöffnet werden“, mit und ohne Netz</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>macOS 10.14 and earlier open it</source>
        <translation>macOS 10.14 und älter öffnet es</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>First download of a client: seconds</source>
        <translation>Erster Download eines Clients: Sekunden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>With a network: opens, on every macOS</source>
        <translation>Mit Netz: öffnet sich, unter jedem macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Without a network: macOS 10.15 and later stop it</source>
        <translation>Ohne Netz: macOS 10.15 und neuer blockiert es</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>First download of a client: minutes</source>
        <translation>Erster Download eines Clients: Minuten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Opens with a network and without, on every macOS</source>
        <translation>Öffnet sich mit und ohne Netz, unter jedem macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>First download of a client: 10 minutes or more; problems stand in the server's log</source>
        <translation>Erster Download eines Clients: 10 Minuten oder mehr; Probleme stehen im Protokoll des Servers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{name}: none yet</source>
        <translation>{name}: noch nicht vorhanden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{name}: cannot sign</source>
        <translation>{name}: kann nicht signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{name}: not checked yet</source>
        <translation>{name}: noch nicht geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: {one} and {other} cannot be right</source>
        <translation>API-Schlüssel: {one} und {other} können nicht stimmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: its {name} cannot be right</source>
        <translation>API-Schlüssel: Die {name} kann nicht stimmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: its {name} is missing</source>
        <translation>API-Schlüssel: Die {name} fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} accepts {file}.</source>
        <translation>Das macOS-eigene {program} akzeptiert {file}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} refuses {file}: {why}.</source>
        <translation>Das macOS-eigene {program} lehnt {file} ab: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} does not let {file} through, as expected here: {why}.</source>
        <translation>Das macOS-eigene {program} lässt {file} nicht durch, wie hier zu erwarten: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} could not be asked about {file}: {why}.</source>
        <translation>Das macOS-eigene {program} konnte nicht zu {file} befragt werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>it says nothing more</source>
        <translation>Es sagt nicht mehr dazu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>Asking {program}</source>
        <translation>{program} wird gefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>it did not end within {seconds} s</source>
        <translation>Es war nach {seconds} s noch nicht fertig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it is not a macOS program</source>
        <translation>Das ist kein macOS-Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it is cut short or not a macOS program</source>
        <translation>Die Datei ist abgeschnitten oder kein macOS-Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has more load commands than any program</source>
        <translation>Es sind mehr Load Commands darin, als ein Programm hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>its signature is larger than any</source>
        <translation>Die Signatur ist größer, als eine sein kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>two of its parts overlap</source>
        <translation>Zwei Teile der Datei überlappen sich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it is a static library, which is not signed</source>
        <translation>Das ist eine statische Bibliothek, und eine solche wird nicht signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>a load command is cut short</source>
        <translation>Ein Load Command ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has two signatures</source>
        <translation>Es sind zwei Signaturen darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>its signature lies outside the file</source>
        <translation>Die Signatur liegt außerhalb der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has more segments or sections than any program</source>
        <translation>Es sind mehr Segmente oder Sections darin, als ein Programm hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>a load command's length does not fit</source>
        <translation>Die Länge eines Load Command passt nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>its Info.plist lies outside the file</source>
        <translation>Die Info.plist liegt außerhalb der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>part {number} lies outside the file</source>
        <translation>Teil {number} liegt außerhalb der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>part {number} has an alignment no program has</source>
        <translation>Teil {number} hat eine Ausrichtung, die bei keinem Programm vorkommt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>part {number} is for another processor than the table says</source>
        <translation>Teil {number} ist für einen anderen Prozessor, als die Tabelle angibt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>segment {name} lies outside the file</source>
        <translation>Segment {name} liegt außerhalb der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has two segments {name}</source>
        <translation>Es sind zwei Segmente {name} darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>it has no segment __LINKEDIT, where a signature belongs</source>
        <translation>Es gibt kein Segment __LINKEDIT, in das die Signatur gehört</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>its segment __LINKEDIT is not the last one</source>
        <translation>Das Segment __LINKEDIT ist nicht das letzte</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>it is too large for a signature</source>
        <translation>Die Datei ist zu groß für eine Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>its signature is not in the segment __LINKEDIT</source>
        <translation>Die Signatur liegt nicht im Segment __LINKEDIT</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>something follows its signature</source>
        <translation>Auf die Signatur folgt noch etwas</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>there is no room for one more load command; link it with -headerpad 0x20 or more</source>
        <translation>Für einen weiteren Load Command ist kein Platz; linken Sie mit -headerpad 0x20 oder mehr</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>still at work</source>
        <translation>noch in Arbeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>Mend what is listed, sign again, submit again.</source>
        <translation>Beheben Sie, was aufgeführt ist, signieren Sie erneut, und reichen Sie erneut ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>Apple has been at work for {elapsed}, usually 2 to 15 minutes</source>
        <translation>in Arbeit seit {elapsed}, üblich sind 2 bis 15 Minuten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>Apple's log has no issues: ask Apple, with the submission ID.</source>
        <translation>In Apples Protokoll stehen keine Probleme: Fragen Sie Apple, und nennen Sie die ID der Einreichung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Compare the id; notary history lists what the team submitted.</source>
        <translation>Vergleichen Sie die ID; notary history zeigt, was das Team eingereicht hat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Ask for the status; the log is there once Apple has finished.</source>
        <translation>Fragen Sie nach dem Status; das Protokoll ist da, sobald Apple fertig ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it does not say where the file goes</source>
        <translation>Sie sagt nicht, wohin die Datei geht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it does not say where the log is</source>
        <translation>Sie sagt nicht, wo das Protokoll ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>the log cannot be fetched</source>
        <translation>Das Protokoll kann nicht abgerufen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Making a new token</source>
        <translation>Ein neues Token wird erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it holds no submission</source>
        <translation>Sie enthält keine Einreichung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>what is called the log is none</source>
        <translation>Was Protokoll genannt wird, ist keines</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it is not what the service's documentation says</source>
        <translation>Sie entspricht nicht der Dokumentation des Dienstes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Look whether a proxy answers in Apple's place; else try again later.</source>
        <translation>Sehen Sie nach, ob ein Proxy anstelle von Apple antwortet; sonst versuchen Sie es später erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>An id is letters, digits and hyphens, as submit prints it.</source>
        <translation>Eine ID besteht aus Buchstaben, Ziffern und Bindestrichen, so wie submit sie ausgibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>An individual key, which belongs to a person and has no Issuer ID, is refused in the same way, and so is a key for push notifications, whose file is called AuthKey_….p8, too.</source>
        <translation>Ein persönlicher Schlüssel, der einer Person gehört und keine Issuer ID hat, wird genauso abgelehnt, ebenso ein Schlüssel für Push-Mitteilungen, dessen Datei auch AuthKey_….p8 heißt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>What was checked here: the file is an EC P-256 key, and this computer's clock is right.</source>
        <translation>Hier wurde geprüft: Die Datei ist ein EC-P-256-Schlüssel, und die Uhr dieses Computers geht richtig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Let the Account Holder accept the agreement that waits.</source>
        <translation>Lassen Sie den „Account Holder“ die wartende Vereinbarung akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>If nothing waits to be accepted, look whether the membership has ended, and renew it.</source>
        <translation>Wartet nichts darauf, akzeptiert zu werden, sehen Sie nach, ob die Mitgliedschaft beendet ist, und erneuern Sie sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Look at Apple's status page for “Developer ID Notary Service”, and try again later.</source>
        <translation>Sehen Sie auf Apples Statusseite unter „Developer ID Notary Service“ nach, und versuchen Sie es später erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Only the Account Holder of the team can do it. Apple says the same when the membership has ended.</source>
        <translation>Das kann nur der „Account Holder“ des Teams. Apple sagt dasselbe, wenn die Mitgliedschaft beendet ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>The key is real, but its team cannot be used: ended, suspended, or not in the programme.</source>
        <translation>Der Schlüssel ist echt, aber sein Team kann nicht verwendet werden: beendet, ausgesetzt oder nicht im Programm.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>A key's access cannot be changed afterwards: a new key is needed.</source>
        <translation>Der Zugriff eines Schlüssels lässt sich nachträglich nicht ändern: Ein neuer Schlüssel wird gebraucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Who it is: App Store Connect &gt; Users and Access, the person with the role Account Holder.</source>
        <translation>Wer das ist: in App Store Connect unter „Users and Access“ die Person mit der Rolle „Account Holder“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>developer.apple.com &gt; Account: a banner asks to review the Apple Developer Program License Agreement.</source>
        <translation>developer.apple.com, „Account“: Ein Banner bittet darum, das „Apple Developer Program License Agreement“ durchzusehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>App Store Connect &gt; Business (Agreements): accept what is shown as new or updated.</source>
        <translation>App Store Connect, „Business“ („Agreements“): Akzeptieren Sie, was als neu oder aktualisiert angezeigt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>It may take some minutes, seldom a day, until the notary service knows. Then check again.</source>
        <translation>Es kann einige Minuten, selten einen Tag dauern, bis der Notarisierungsdienst davon weiß. Prüfen Sie dann erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>developer.apple.com &gt; Account &gt; Membership details: the expiry date, Renew.</source>
        <translation>developer.apple.com, „Account“ &gt; „Membership details“: das Ablaufdatum, „Renew“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Send Apple's words and the time to the support of this program.</source>
        <translation>Senden Sie Apples Worte und die Uhrzeit an den Support dieses Programms.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Key and ids are the same as then. {checked}</source>
        <translation>Schlüssel und IDs sind dieselben wie damals. {checked}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>The Key ID is the one in the file's name, so the Issuer ID is most likely another team's; or the key was revoked. {checked} {individual}</source>
        <translation>Die Key ID ist die aus dem Dateinamen; also gehört die Issuer ID höchstwahrscheinlich zu einem anderen Team, oder der Schlüssel wurde widerrufen. {checked} {individual}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Try again in an hour.</source>
        <translation>Versuchen Sie es in einer Stunde erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Is it still Active there? Then Apple may have a fault: try again later.</source>
        <translation>Ist er dort noch unter „Active“? Dann liegt der Fehler vielleicht bei Apple: Versuchen Sie es später erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Look whether the team is a paid member of the Apple Developer Program.</source>
        <translation>Sehen Sie nach, ob das Team zahlendes Mitglied des Apple Developer Program ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>developer.apple.com &gt; Account &gt; Membership details.</source>
        <translation>developer.apple.com, „Account“ &gt; „Membership details“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>An agreement with Apple has to be accepted before anything is notarised.</source>
        <translation>Eine Vereinbarung mit Apple muss akzeptiert werden, bevor etwas notarisiert wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The team's membership in the Apple Developer Program has ended.</source>
        <translation>Die Mitgliedschaft des Teams im Apple Developer Program ist beendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The API key {key_id} may not notarise: its role is too low.</source>
        <translation>Der API-Schlüssel {key_id} darf nicht notarisieren: Seine Rolle reicht nicht aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple does not give this key access to its team's notarisation.</source>
        <translation>Apple gibt diesem Schlüssel keinen Zugriff auf die Notarisierung seines Teams.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service refuses the request.</source>
        <translation>Apples Notarisierungsdienst lehnt die Anfrage ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service has a fault: status {status}.</source>
        <translation>Apples Notarisierungsdienst hat eine Störung: Status {status}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service has been asked too often for now.</source>
        <translation>Apples Notarisierungsdienst wurde vorerst zu oft gefragt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service does not take the request: status {status}.</source>
        <translation>Apples Notarisierungsdienst nimmt die Anfrage nicht an: Status {status}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The answer is not one of Apple's notary service: {why}.</source>
        <translation>Die Antwort stammt nicht von Apples Notarisierungsdienst: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple knows no submission {id} of this team.</source>
        <translation>Apple kennt keine Einreichung {id} dieses Teams.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>There is no log of {id} yet, or no such submission.</source>
        <translation>Zu {id} gibt es noch kein Protokoll, oder es gibt diese Einreichung nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} cannot be notarised: {why}.</source>
        <translation>{file} kann nicht notarisiert werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} was changed while it was being uploaded.</source>
        <translation>{file} wurde während des Hochladens geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple would refuse {file}: nothing was uploaded.</source>
        <translation>Apple würde {file} ablehnen; deshalb wurde nichts hochgeladen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Our own verification finds nothing in {file} that Apple would refuse.</source>
        <translation>Unsere eigene Prüfung findet in {file} nichts, was Apple ablehnen würde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} was not looked at before the upload: {why}.</source>
        <translation>{file} wurde vor dem Hochladen nicht untersucht: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} is being submitted by another run of Codesign Wizard.</source>
        <translation>{file} wird gerade von einem anderen Codesign Wizard eingereicht, der auch läuft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The upload did not get through: {done} of {total} are there.</source>
        <translation>Der Upload kam nicht durch: {done} von {total} sind dort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's storage refuses the upload: {code}.</source>
        <translation>Apples Speicher lehnt das Hochladen ab: {code}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The upload went on where it had stopped: {done} of {total} were there already.</source>
        <translation>Der Upload ging dort weiter, wo er aufgehört hatte: {done} von {total} waren schon da.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The upload of {file} was stopped: {done} of {total} are with Apple's storage, as submission {id}.</source>
        <translation>Der Upload von {file} wurde angehalten: {done} von {total} liegen in Apples Speicher, als Einreichung {id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The unfinished upload of submission {id} cannot be continued ({why}); a new submission was made.</source>
        <translation>Das angefangene Hochladen der Einreichung {id} kann nicht fortgesetzt werden ({why}); es wurde neu eingereicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The submission cannot be noted down: {why}.</source>
        <translation>Die Einreichung kann nicht vermerkt werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} is with Apple; the submission is {id}.</source>
        <translation>{file} ist bei Apple; die Einreichung ist {id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple is still at work on {id}: {elapsed} so far.</source>
        <translation>Apple arbeitet noch an {id}: bisher {elapsed}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple has notarised {file}.</source>
        <translation>Apple hat {file} notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>These very bytes were submitted on {date} already: nothing was uploaded again.</source>
        <translation>Genau diese Bytes wurden am {date} schon eingereicht: Es wurde nichts erneut hochgeladen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple does not notarise {file}: {summary}.</source>
        <translation>Apple notarisiert {file} nicht: „{summary}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple has rejected {file}: {summary}.</source>
        <translation>Apple hat {file} zurückgewiesen: „{summary}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} is not signed.</source>
        <translation>{what} ist nicht signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} is not signed with a Developer ID certificate that counts.</source>
        <translation>{what} ist nicht mit einem Developer-ID-Zertifikat signiert, das zählt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} has no secure time stamp.</source>
        <translation>{what} hat keinen sicheren Zeitstempel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} does not have the hardened runtime on.</source>
        <translation>Bei {what} ist Hardened Runtime nicht eingeschaltet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} asks to be debugged (get-task-allow).</source>
        <translation>{what} erlaubt das Debuggen (get-task-allow).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The signature of {what} does not hold.</source>
        <translation>Die Signatur von {what} ist ungültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} was built with an SDK that is too old.</source>
        <translation>{what} wurde mit einem zu alten SDK erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} cannot be unpacked.</source>
        <translation>{what} kann nicht entpackt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>There is no signed program in {what}, so there is nothing to make a ticket for.</source>
        <translation>In {what} ist kein signiertes Programm; also gibt es nichts, wofür ein Ticket ausgestellt werden könnte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple says of {what}: {message}</source>
        <translation>Apple sagt zu {what}: {message}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Our own verification says so; Apple has not been asked. {meaning}</source>
        <translation>Das sagt unsere eigene Prüfung; Apple wurde nicht gefragt. {meaning}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Looked at here, the file does not show it: it may have been signed again since, or Apple sees more.</source>
        <translation>Die Prüfung hier zeigt das bei der Datei nicht: Vielleicht wurde sie inzwischen erneut signiert, oder Apple sieht mehr.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>It has no signature at all. Every program and library inside is looked at, not just the package.</source>
        <translation>Eine Signatur fehlt ganz. Jedes Programm und jede Bibliothek darin wird angesehen, nicht nur das Paket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign it, innermost first, then the package again: trial macos, or sign, does both.</source>
        <translation>Signieren Sie alles von innen nach außen, zuletzt noch einmal das Paket: trial macos oder sign tut beides.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>The signature is another kind's (ad hoc, App Store, development), of a certificate that was not valid then, or of one that Apple did not issue.</source>
        <translation>Die Signatur ist von anderer Art (ad hoc, App Store, Entwicklung), oder ihr Zertifikat war damals nicht gültig oder wurde nicht von Apple ausgestellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign code with Developer ID Application, and packages with Developer ID Installer.</source>
        <translation>Signieren Sie Code mit Developer ID Application und Pakete mit Developer ID Installer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Nothing proves when it was signed, so the signature would end with the certificate.</source>
        <translation>Nichts belegt, wann signiert wurde; die Signatur würde also mit dem Zertifikat enden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign again with a time stamp (codesign --timestamp); the wizard always asks Apple for one.</source>
        <translation>Signieren Sie die Datei erneut, mit Zeitstempel (codesign --timestamp); der Assistent holt immer einen von Apple.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>The hardened runtime (flag 0x10000) keeps others from putting code into a program.</source>
        <translation>Hardened Runtime (Flag 0x10000) hindert andere daran, Code in ein Programm einzuschleusen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign again with the hardened runtime on (codesign --options runtime).</source>
        <translation>Signieren Sie die Datei erneut, mit eingeschalteter Hardened Runtime (codesign --options runtime).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>The entitlement lets any program read and change it; it is meant for development.</source>
        <translation>Mit diesem Entitlement kann jedes andere Programm dieses Programm lesen und ändern; es ist für die Entwicklung gedacht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Build for release, or sign again without this entitlement.</source>
        <translation>Erstellen Sie einen Release-Build, oder signieren Sie das Programm erneut, ohne dieses Entitlement.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>It was changed after it was signed, or what it is sealed with was.</source>
        <translation>Es wurde nach dem Signieren geändert, oder das, womit es versiegelt ist, wurde geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign as the last step: nothing may be stripped, thinned, renamed or added afterwards.</source>
        <translation>Signieren Sie immer zuletzt: Danach darf nichts mehr entfernt, verkleinert, umbenannt oder hinzugefügt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Programs built with an SDK before 10.9 cannot be hardened.</source>
        <translation>Programme, die mit einem SDK vor 10.9 erstellt wurden, unterstützen Hardened Runtime nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Build it again with a newer Xcode, or get a newer version from its maker.</source>
        <translation>Erstellen Sie es mit einem neueren Xcode neu, oder holen Sie eine neuere Version vom Hersteller.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Apple could not look inside.</source>
        <translation>Apple konnte nicht hineinsehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Build the package again, and open it on a Mac before it is submitted.</source>
        <translation>Erstellen Sie das Paket neu, und öffnen Sie es auf einem Mac, bevor es eingereicht wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Apple makes tickets for signed programs and for signed packages, and found neither in it.</source>
        <translation>Apple stellt Tickets für signierte Programme und signierte Pakete aus und hat beides nicht darin gefunden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Look whether the right file was submitted, and sign the programs in it.</source>
        <translation>Sehen Sie nach, ob die richtige Datei eingereicht wurde, und signieren Sie die Programme darin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>This follows from its not being signed at all: signing it mends this as well.</source>
        <translation>Das folgt daraus, dass gar keine Signatur vorhanden ist: Das Signieren behebt auch dies.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Looked at here, this very file shows the same.</source>
        <translation>Die Prüfung hier zeigt bei dieser Datei dasselbe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>the file</source>
        <translation>die Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>{archive} is an archive, which no signing reaches: sign what is in it, then pack it anew.</source>
        <translation>{archive} ist ein Archiv, dessen Inhalt beim Signieren nicht erreicht wird: Signieren Sie, was darin ist, und packen Sie es dann neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>{first} (and {count} more)</source>
        <translation>{first} (und {count} weitere)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Looked at here, {same} of {count} show the same.</source>
        <translation>Die Prüfung hier zeigt bei {same} von {count} dasselbe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>{file} in {archive}</source>
        <translation>{file} in {archive}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Read Apple's page on it.</source>
        <translation>Lesen Sie Apples Seite dazu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_storage.py"/>
        <source>Start again; if it stays so, make a new submission: submit --anew.</source>
        <translation>Starten Sie erneut; bleibt es dabei, reichen Sie neu ein: submit --anew.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_storage.py"/>
        <source>Set this computer's clock: Amazon allows {minutes} minutes.</source>
        <translation>Stellen Sie die Uhr dieses Computers: Amazon erlaubt {minutes} Minuten Abweichung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>reading the file</source>
        <translation>die Datei wird gelesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>submitted already</source>
        <translation>schon eingereicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Apple would refuse it</source>
        <translation>Apple würde es ablehnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>the access to Apple's storage was not kept</source>
        <translation>der Zugang zu Apples Speicher wurde nicht aufbewahrt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>An interrupted upload can be continued in this run only.</source>
        <translation>Ein unterbrochenes Hochladen lässt sich nur fortsetzen, solange das Programm läuft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>The submission is {id}</source>
        <translation>Die Einreichung ist {id}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>first looking at {file}</source>
        <translation>zuerst wird {file} geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>the access to Apple's storage has ended</source>
        <translation>der Zugang zu Apples Speicher ist abgelaufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Apple's storage dropped it</source>
        <translation>Apples Speicher hat es verworfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Mend what is listed, or submit it all the same: --anyway.</source>
        <translation>Beheben Sie, was aufgeführt ist, oder reichen Sie trotzdem ein: --anyway.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Start again.</source>
        <translation>Starten Sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>Going on in {seconds} s</source>
        <translation>Weiter in {seconds} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>{done} of {total}</source>
        <translation>{done} von {total}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>The last failure: {title}</source>
        <translation>Der letzte Fehler: {title}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>Start again: the upload goes on where it stopped, with the same submission.</source>
        <translation>Starten Sie erneut: Das Hochladen geht dort weiter, wo es angehalten hat, mit derselben Einreichung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Start again: without a keyring it begins anew, and Apple drops what was begun.</source>
        <translation>Starten Sie noch einmal: Ohne Schlüsselbund beginnt es von vorn, und Apple verwirft, was begonnen war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Most files take 2 to 15 minutes. Some are held for a closer look, of new teams above all.</source>
        <translation>Bei den meisten Dateien dauert es 2 bis 15 Minuten. Manche werden genauer angesehen, vor allem die neuer Teams.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>It can take Apple some days. Nothing is wrong with the file; signing alone works meanwhile.</source>
        <translation>Bei Apple kann es einige Tage dauern. Mit der Datei ist alles in Ordnung; Signieren ohne Notarisierung geht inzwischen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Ask again later; it cannot be withdrawn, and to submit it again does not help.</source>
        <translation>Fragen Sie später wieder; zurückziehen lässt sich die Einreichung nicht, und erneutes Einreichen hilft nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>After a day, ask Apple: Development and Technical &gt; Other Development or Technical Questions.</source>
        <translation>Fragen Sie nach einem Tag bei Apple nach: „Development and Technical“ &gt; „Other Development or Technical Questions“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Give the team ID, the submission ID and the time of the upload in UTC.</source>
        <translation>Nennen Sie die Team-ID, die ID der Einreichung und die Zeit des Hochladens in UTC.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Write to Apple's Developer Programs Support and name status code 7000.</source>
        <translation>Schreiben Sie an Apples Developer Programs Support, und nennen Sie den Statuscode 7000.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Contact Us &gt; Development and Technical &gt; Other Development or Technical Questions.</source>
        <translation>„Contact Us“ &gt; „Development and Technical“ &gt; „Other Development or Technical Questions“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Give the team ID and the submission ID, and ask for the team to be set up for notarisation.</source>
        <translation>Nennen Sie die Team-ID und die ID der Einreichung, und bitten Sie darum, das Team für die Notarisierung einzurichten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>No .p12 file is named for {kind}.</source>
        <translation>Für {kind} ist keine .p12-Datei angegeben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>{file} is of team {team}; the profile says {wanted}.</source>
        <translation>{file} gehört zum Team {team}; das Profil nennt {wanted}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>Give the certificates of that team, or mend the team in the profile.</source>
        <translation>Geben Sie die Zertifikate dieses Teams an, oder berichtigen Sie das Team im Profil.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>Run `codesign-wizard profile set macos.team=` to let any team be right.</source>
        <translation>Führen Sie `codesign-wizard profile set macos.team=` aus, damit jedes Team gilt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>Name the .p12 file that holds your “{kind}” certificate and its key.</source>
        <translation>Geben Sie die .p12-Datei an, die Ihr Zertifikat „{kind}“ und dessen Schlüssel enthält.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>it is a xar archive, but no package</source>
        <translation>Das ist ein xar-Archiv, aber kein Paket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>it has more components than any package</source>
        <translation>Es sind mehr Komponenten darin, als ein Paket hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>{name} cannot be read: {why}</source>
        <translation>{name} kann nicht gelesen werden: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>{name} is no description of a component</source>
        <translation>{name} ist keine Beschreibung einer Komponente</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>{file} holds symbolic links, which this account may not make on Windows.</source>
        <translation>{file} enthält symbolische Links, die dieses Konto unter Windows nicht anlegen darf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>{file} holds no program that could be signed.</source>
        <translation>{file} enthält kein Programm, das signiert werden könnte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>Switch on Windows' Developer Mode, or work on macOS or Linux.</source>
        <translation>Schalten Sie den Entwicklermodus von Windows ein, oder arbeiten Sie unter macOS oder Linux.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} is not a macOS package: {what}.</source>
        <translation>{file} ist kein macOS-Paket: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} has no time stamp: its signature ends with the certificate, and Apple refuses to notarise it.</source>
        <translation>{file} hat keinen Zeitstempel: Die Signatur endet mit dem Zertifikat, und Apple lehnt die Notarisierung ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} was signed with a certificate of the kind “{kind}”; packages want Developer ID Installer.</source>
        <translation>{file} wurde mit einem Zertifikat der Art „{kind}“ signiert; Pakete brauchen Developer ID Installer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's table of contents is what its digest says ({digest}).</source>
        <translation>Das Inhaltsverzeichnis des Pakets entspricht seinem Hash ({digest}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package was changed after it was made: its table of contents has another digest.</source>
        <translation>Das Paket wurde nach dem Erstellen geändert: Sein Inhaltsverzeichnis hat einen anderen Hash.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package uses SHA-1, as Apple's own tools still do.</source>
        <translation>Das Paket verwendet SHA-1, wie es auch Apples eigene Werkzeuge noch tun.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>Every file in the package is what its digest says ({count}).</source>
        <translation>Jede Datei im Paket entspricht ihrem Hash ({count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>A file in the package does not hold: {why}.</source>
        <translation>Eine Datei im Paket stimmt nicht: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's RSA signature was made by the key of {signer}.</source>
        <translation>Die RSA-Signatur des Pakets wurde mit dem Schlüssel von {signer} erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's RSA signature does not hold: {why}.</source>
        <translation>Die RSA-Signatur des Pakets ist ungültig: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package has no RSA signature, which older versions of macOS look for.</source>
        <translation>Das Paket hat keine RSA-Signatur, die ältere Versionen von macOS erwarten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's CMS signature was made by the key of {signer}.</source>
        <translation>Die CMS-Signatur des Pakets wurde mit dem Schlüssel von {signer} erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's CMS signature does not hold: {why}.</source>
        <translation>Die CMS-Signatur des Pakets ist ungültig: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package has no CMS signature: it has no time stamp, and a ticket cannot be stapled to it.</source>
        <translation>Das Paket hat keine CMS-Signatur: Es hat keinen Zeitstempel, und es kann kein Ticket angeheftet werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's two signatures were made with different certificates.</source>
        <translation>Die beiden Signaturen des Pakets wurden mit verschiedenen Zertifikaten erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{signer} is vouched for by {root}.</source>
        <translation>Für {signer} bürgt {root}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{signer} is vouched for by {root}, which counts only because it was added in the settings.</source>
        <translation>Für {signer} bürgt {root}; das zählt nur, weil dieses Stammzertifikat in den Einstellungen hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>macOS will not name {signer} as the package's developer: {why}.</source>
        <translation>macOS wird {signer} nicht als Entwickler des Pakets nennen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The certificate is of the kind that signs packages: {kind}.</source>
        <translation>Das Zertifikat ist von der Art, die Pakete signiert: {kind}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package was signed with a certificate of the kind “{kind}”, not Developer ID Installer.</source>
        <translation>Das Paket wurde mit einem Zertifikat der Art „{kind}“ signiert, nicht mit Developer ID Installer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The payload of {component} is what its bill of materials says ({count}).</source>
        <translation>Die Payload von {component} entspricht ihrer Stückliste ({count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The payload of {component} does not hold: {why}.</source>
        <translation>Die Payload von {component} stimmt nicht: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The Distribution refers to {reference}, which is not in the package.</source>
        <translation>Die Datei „Distribution“ verweist auf {reference}, was nicht im Paket ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package and the programs in it were signed by one team: {team}.</source>
        <translation>Das Paket und die Programme darin wurden von einem Team signiert: {team}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package was signed by team {team}, programs in it by {others}.</source>
        <translation>Das Paket wurde vom Team {team} signiert, Programme darin von {others}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>A notarisation ticket is stapled to the package.</source>
        <translation>Am Paket ist ein Ticket der Notarisierung angeheftet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>No notarisation ticket is stapled to the package: a Mac asks Apple about it, which takes a network.</source>
        <translation>Am Paket ist kein Ticket der Notarisierung angeheftet: Ein Mac fragt Apple danach und braucht dafür ein Netz.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>Something follows the package that belongs to nothing ({size}).</source>
        <translation>Auf das Paket folgt etwas, das zu nichts gehört ({size}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>Build or download the package again.</source>
        <translation>Erstellen Sie das Paket neu, oder laden Sie es noch einmal herunter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>product archive (.pkg)</source>
        <translation>Produktarchiv (.pkg)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>component package (.pkg)</source>
        <translation>Komponentenpaket (.pkg)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>{identifier} {version}, in {place}</source>
        <translation>{identifier} {version}, in {place}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>Title</source>
        <translation>Titel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>and {count} more</source>
        <translation>und {count} weitere</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>Installs</source>
        <translation>Installiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>{file} is a macOS package that is not signed.</source>
        <translation>{file} ist ein macOS-Paket und nicht signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>{file} is a macOS package signed by {signer}.</source>
        <translation>{file} ist ein macOS-Paket, signiert von {signer}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>without an identifier</source>
        <translation>ohne Kennung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>Ticket</source>
        <translation>Ticket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>stapled</source>
        <translation>angeheftet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>it was not made by this key over this package</source>
        <translation>Sie wurde nicht mit diesem Schlüssel über dieses Paket erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>the certificate's key is not RSA</source>
        <translation>Der Schlüssel des Zertifikats ist nicht RSA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>there is no bill of materials</source>
        <translation>Es gibt keine Stückliste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign the package again, with a time stamp.</source>
        <translation>Signieren Sie das Paket erneut, mit Zeitstempel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign again with a time stamp.</source>
        <translation>Signieren Sie das Paket erneut, mit Zeitstempel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign with the Developer ID Installer certificate.</source>
        <translation>Signieren Sie das Paket mit dem Zertifikat „Developer ID Installer“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Build the package again.</source>
        <translation>Erstellen Sie das Paket neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>it has another number of signers than one</source>
        <translation>Die Zahl der Unterzeichner ist nicht eins</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign the package again.</source>
        <translation>Signieren Sie das Paket erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} has no digest, so no signature covers it</source>
        <translation>{name} hat keinen Hash; also deckt keine Signatur diese Datei ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} is missing</source>
        <translation>{name} fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>the signer</source>
        <translation>der Unterzeichner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} is not in the bill of materials</source>
        <translation>{name} steht nicht in der Stückliste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} is not what the bill of materials says</source>
        <translation>{name} entspricht nicht der Stückliste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/payload.py"/>
        <source>it is packed in an unknown way</source>
        <translation>Die Daten sind auf unbekannte Weise gepackt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/payload.py"/>
        <source>it cannot be unpacked</source>
        <translation>Die Daten lassen sich nicht entpacken</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/preflight.py"/>
        <source>disk images are not opened here</source>
        <translation>Disk-Images werden hier nicht geöffnet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Then: codesign-wizard identity assemble FILE.cer FILE.cer</source>
        <translation>Danach: codesign-wizard identity assemble FILE.cer FILE.cer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Choose the team at the top right, if there are several: both certificates must be of one.</source>
        <translation>Wählen Sie oben rechts das Team, wenn es mehrere gibt: Beide Zertifikate müssen zu einem gehören.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Certificates, + (add), under Software choose Developer ID Installer, Continue.</source>
        <translation>„Certificates“, „+“ (hinzufügen), unter „Software“ „Developer ID Installer“ wählen, „Continue“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Choose G2 Sub-CA (Xcode 11.4.1 or later), and the file for the Installer, Continue, Download.</source>
        <translation>Wählen Sie „G2 Sub-CA (Xcode 11.4.1 or later)“ und die Datei für den Installer, „Continue“, „Download“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Do the same with Developer ID Application and the other file.</source>
        <translation>Tun Sie dasselbe mit „Developer ID Application“ und der anderen Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Make the signing requests first.</source>
        <translation>Erstellen Sie zuerst die Zertifikatanforderungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Take the .cer made for the request of this profile, or go where its request was made.</source>
        <translation>Nehmen Sie die .cer-Datei, die zur Anforderung dieses Profils erstellt wurde, oder wechseln Sie dorthin, wo ihre Anforderung erstellt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Make new requests, and create the certificates anew on Apple's site.</source>
        <translation>Erstellen Sie neue Anforderungen und auf Apples Website die Zertifikate noch einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Sign in at {page} as the Account Holder: only that role creates Developer ID certificates.</source>
        <translation>Melden Sie sich auf {page} als „Account Holder“ an: Nur diese Rolle erstellt Developer-ID-Zertifikate.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Run `codesign-wizard identity request`.</source>
        <translation>Führen Sie `codesign-wizard identity request` aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>On a Mac: open the .cer, and export the identity from Keychain Access as .p12.</source>
        <translation>Auf einem Mac: Öffnen Sie die .cer-Datei, und exportieren Sie die Identität aus der Schlüsselbundverwaltung als .p12.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Or create the certificate anew on Apple's site with the request of `identity request`.</source>
        <translation>Oder erstellen Sie das Zertifikat auf Apples Website neu, mit der Anforderung aus `identity request`.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Run `codesign-wizard identity request --anew`.</source>
        <translation>Führen Sie `codesign-wizard identity request --anew` aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Revoke the certificate whose key is lost: an account has five of each kind at most.</source>
        <translation>Widerrufen Sie das Zertifikat, dessen Schlüssel verloren ist: Ein Konto hat höchstens fünf jeder Art.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirement_language.py"/>
        <source>the requirement is too long</source>
        <translation>Die Anforderung ist zu lang</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirement_language.py"/>
        <source>the requirement is not understood at “{rest}”</source>
        <translation>Die Anforderung ist ab „{rest}“ nicht verständlich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement of a kind that is not known</source>
        <translation>Eine Anforderung ist von unbekannter Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>something follows a requirement</source>
        <translation>Auf eine Anforderung folgt noch etwas</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirement_language.py"/>
        <source>a requirement is nested too deeply</source>
        <translation>Eine Anforderung ist zu tief verschachtelt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement asks for something unknown</source>
        <translation>Eine Anforderung verlangt etwas Unbekanntes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement is cut short</source>
        <translation>Eine Anforderung ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement compares in a way that is not known</source>
        <translation>Eine Anforderung vergleicht auf unbekannte Weise</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement names a time that does not exist</source>
        <translation>Eine Anforderung nennt eine Zeit, die es nicht gibt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sample.py"/>
        <source>The product name cannot be put into the sample package.</source>
        <translation>Der Produktname kann nicht in das Musterpaket übernommen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sample.py"/>
        <source>{version} is not a version of a macOS bundle.</source>
        <translation>{version} ist keine Version eines macOS-Bundles.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sample.py"/>
        <source>Give up to three numbers with dots between them, such as 1.2.0.</source>
        <translation>Geben Sie bis zu drei Zahlen mit Punkten dazwischen an, zum Beispiel 1.2.0.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>{file} is nothing that is signed for macOS: {what}.</source>
        <translation>{file} ist nichts, was für macOS signiert wird: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>{target} is there and is no app: it is not replaced by one.</source>
        <translation>{target} ist vorhanden und keine App: Es wird nicht durch eine App ersetzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>CDHash {hash}</source>
        <translation>CDHash {hash}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>Choose a name that is not there yet, such as Name.app.</source>
        <translation>Wählen Sie einen Namen, den es noch nicht gibt, zum Beispiel Name.app.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{folder} is not an app or another bundle that can be signed: {why}.</source>
        <translation>{folder} ist keine App und kein anderes Bundle, das signiert werden kann: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{path} lies where macOS expects programs, but it is none: it is sealed as a plain file.</source>
        <translation>{path} liegt dort, wo macOS Programme erwartet, ist aber keines: Es wird als einfache Datei versiegelt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>The link {path} leads out of the bundle, to {target}, which macOS refuses.</source>
        <translation>Der Link {path} führt aus dem Bundle hinaus, nach {target}; macOS lehnt das ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>The link {path} leads to nothing in the bundle ({target}), which macOS refuses.</source>
        <translation>Der Link {path} führt im Bundle ins Leere ({target}); macOS lehnt das ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{target} lies inside the bundle that is to be signed.</source>
        <translation>{target} liegt in dem Bundle, das signiert werden soll.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>it is no folder</source>
        <translation>Das ist kein Ordner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>Signing {path}</source>
        <translation>{path} wird signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{path} lies where nothing is sealed and macOS allows nothing</source>
        <translation>{path} liegt dort, wo nichts versiegelt wird und macOS nichts zulässt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>Move it to Contents/Resources and leave a link in its place.</source>
        <translation>Verschieben Sie es nach Contents/Resources, und lassen Sie an seiner Stelle einen Link zurück.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>Take the link away, or put there what it leads to.</source>
        <translation>Entfernen Sie den Link, oder legen Sie dort ab, wohin er führt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} is not a macOS program: {what}.</source>
        <translation>{file} ist kein macOS-Programm: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} is damaged or cannot be signed: {why}.</source>
        <translation>{file} ist beschädigt oder kann nicht signiert werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} has no time stamp, which notarisation asks for.</source>
        <translation>{file} hat keinen Zeitstempel; die Notarisierung verlangt einen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} asks to be debugged (get-task-allow), which Apple usually refuses to notarise.</source>
        <translation>{file} erlaubt das Debuggen (get-task-allow); Apple lehnt die Notarisierung dann meist ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} was signed without the hardened runtime, which notarisation asks for.</source>
        <translation>{file} wurde ohne Hardened Runtime signiert; die Notarisierung verlangt sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>The signature of {file} is larger than the room that was kept for it.</source>
        <translation>Die Signatur von {file} ist größer als der Platz, der für sie freigehalten wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>it is longer than 255 characters or has control characters</source>
        <translation>länger als 255 Zeichen oder mit Steuerzeichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>it is an object file for a linker, which is not signed</source>
        <translation>Das ist eine Objektdatei für einen Linker, und eine solche wird nicht signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Build it for release, without this entitlement.</source>
        <translation>Erstellen Sie einen Release-Build ohne dieses Entitlement.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>something is attached behind the program</source>
        <translation>Hinter dem Programm ist etwas angehängt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>it was changed while it was being signed</source>
        <translation>Die Datei wurde während des Signierens geändert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>identifier</source>
        <translation>Kennung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>entitlements</source>
        <translation>Entitlements</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Staple it again.</source>
        <translation>Heften Sie das Ticket erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>disk images are not handled here; on a Mac: xcrun stapler staple FILE</source>
        <translation>Disk-Images werden hier nicht bearbeitet; auf einem Mac: xcrun stapler staple FILE</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>a .zip holds no ticket; staple the app in it, then pack it again</source>
        <translation>Eine .zip nimmt kein Ticket auf; heften Sie es an die App darin an, und packen Sie diese dann erneut</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>a program alone holds no ticket; staple the package or the app around it</source>
        <translation>Ein Programm allein nimmt kein Ticket auf; heften Sie es an das Paket oder die App darum an</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>its first trailer is of another form</source>
        <translation>Der erste Trailer hat eine andere Form</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>its last trailer does not fit it</source>
        <translation>Der letzte Trailer passt nicht dazu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Stapled {size} bytes</source>
        <translation>{size} Bytes angeheftet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Sign it, and let Apple notarise it.</source>
        <translation>Signieren Sie die Datei, und lassen Sie sie von Apple notarisieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>it is no app: there is no program in Contents/MacOS</source>
        <translation>Das ist keine App: In Contents/MacOS ist kein Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>a link is in its place</source>
        <translation>An der Stelle ist ein Link</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>it was not there when it was read back</source>
        <translation>Beim Zurücklesen war es nicht da</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>its table of contents has a digest of another kind</source>
        <translation>Das Inhaltsverzeichnis hat einen Hash anderer Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>{count} bytes that belong to nothing follow the package</source>
        <translation>auf das Paket folgen {count} Bytes, die zu nichts gehören</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>it became shorter meanwhile</source>
        <translation>Die Datei wurde inzwischen kürzer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Staple it.</source>
        <translation>Heften Sie das Ticket an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Sign the package again, and submit it again.</source>
        <translation>Signieren Sie das Paket erneut, und reichen Sie es erneut ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>Apple has no ticket for {file}.</source>
        <translation>Apple hat kein Ticket für {file}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>Apple's ticket service does not answer as it should: {why}.</source>
        <translation>Apples Ticketdienst antwortet nicht, wie er sollte: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket is stapled to {file}: a Mac accepts it without a network.</source>
        <translation>Das Ticket ist an {file} angeheftet: Ein Mac akzeptiert die Datei ohne Netz.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The same ticket was stapled to {file} already: nothing was changed.</source>
        <translation>Dasselbe Ticket war an {file} schon angeheftet: Es wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>Another ticket was stapled to {file}; it was replaced by Apple's present one.</source>
        <translation>An {file} war ein anderes Ticket angeheftet; es wurde durch Apples aktuelles ersetzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>{file} carries the ticket that Apple gives out for it.</source>
        <translation>{file} trägt das Ticket, das Apple dafür ausgibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>No ticket is stapled to {file}.</source>
        <translation>An {file} ist kein Ticket angeheftet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket stapled to {file} is damaged: {why}.</source>
        <translation>Das an {file} angeheftete Ticket ist beschädigt: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket stapled to {file} is not the one that Apple gives out for it.</source>
        <translation>Das an {file} angeheftete Ticket ist nicht das, das Apple dafür ausgibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>{file} is not signed: there is no ticket for what is not signed.</source>
        <translation>{file} ist nicht signiert: Für nicht Signiertes gibt es kein Ticket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>{file} has an RSA signature only; Apple's stapler refuses such a package (“CDHash must be set”).</source>
        <translation>{file} hat nur eine RSA-Signatur; Apples stapler lehnt ein solches Paket ab („CDHash must be set“).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>No ticket can be stapled to {file}: {why}.</source>
        <translation>An {file} kann kein Ticket angeheftet werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket cannot be written to {file}: {why}.</source>
        <translation>Das Ticket kann nicht in {file} geschrieben werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submissions.py"/>
        <source>Wait until it has ended, then ask again.</source>
        <translation>Warten Sie, bis das beendet ist, und fragen Sie dann erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>it is neither .pkg, .app, .zip nor .dmg</source>
        <translation>Das ist weder .pkg noch .app, .zip oder .dmg</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>it is a folder and no app: there is no program in it</source>
        <translation>Das ist ein Ordner und keine App: Es ist kein Programm darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>Packing {file}</source>
        <translation>{file} wird gepackt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>Reading {file}</source>
        <translation>{file} wird gelesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature is cut short</source>
        <translation>Ein Teil der Signatur ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature is not what its place says</source>
        <translation>Ein Teil der Signatur ist nicht das, was an dieser Stelle stehen soll</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>the signature is cut short</source>
        <translation>Die Signatur ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>the signature does not begin like one</source>
        <translation>Die Signatur beginnt nicht wie eine Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>the signature's table does not fit</source>
        <translation>Die Tabelle der Signatur passt nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature is there twice</source>
        <translation>Ein Teil der Signatur ist doppelt vorhanden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature lies outside of it</source>
        <translation>Ein Teil der Signatur liegt außerhalb von ihr</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature lies outside of it or in another part</source>
        <translation>Ein Teil der Signatur liegt außerhalb von ihr oder in einem anderen Teil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>the ticket in it is empty</source>
        <translation>Das Ticket darin ist leer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Asking for the ticket again</source>
        <translation>Das Ticket wird erneut angefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>it is no answer of this service</source>
        <translation>Das ist keine Antwort dieses Dienstes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>it holds no ticket</source>
        <translation>Die Antwort enthält kein Ticket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>No ticket yet, after {seconds} s</source>
        <translation>Nach {seconds} s noch kein Ticket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Apple was asked for {seconds} s. Tickets come with “Accepted”, at times some minutes later.</source>
        <translation>Apple wurde {seconds} s lang gefragt. Tickets kommen mit „Accepted“, manchmal einige Minuten später.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Look whether Apple accepted this very file: notary history, notary status ID.</source>
        <translation>Sehen Sie nach, ob Apple genau diese Datei akzeptiert hat: notary history, notary status ID.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Accepted just now? Staple again in a quarter of an hour.</source>
        <translation>Gerade erst akzeptiert? Heften Sie in einer Viertelstunde noch einmal an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>A file that was signed again after it was submitted has to be submitted again.</source>
        <translation>Eine Datei, die nach dem Einreichen erneut signiert wurde, muss erneut eingereicht werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>status {status}</source>
        <translation>Status {status}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Try again later; the file is notarised without a stapled ticket, too.</source>
        <translation>Versuchen Sie es später erneut; die Datei ist auch ohne angeheftetes Ticket notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its folders are nested too deeply</source>
        <translation>Die Ordner sind zu tief verschachtelt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} is no name for a file on Windows</source>
        <translation>{name} ist unter Windows kein gültiger Dateiname</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>a file name in it cannot be used</source>
        <translation>Ein Dateiname darin kann nicht verwendet werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} changed while it was packed</source>
        <translation>{name} hat sich während des Packens geändert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Both certificates can sign. Whether Apple accepts the API key is not known yet.</source>
        <translation>Beide Zertifikate können signieren. Ob Apple den API-Schlüssel annimmt, ist noch nicht bekannt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Notarising needs it: Level and API key takes it and asks Apple.</source>
        <translation>Zum Notarisieren wird er gebraucht: Die Seite „Stufe und Schlüssel“ nimmt ihn entgegen und fragt Apple.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>opens</source>
        <translation>öffnet sich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>The level “sign, notarise and staple” puts Apple's ticket into the package.</source>
        <translation>Die Stufe „notarisieren und anheften“ bringt Apples Ticket in das Paket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>At the level “sign only” nothing is sent to Apple, and since macOS 10.15 a signature alone is not enough for what was downloaded. The levels with notarisation change that.</source>
        <translation>Auf der Stufe „nur signieren“ wird nichts an Apple gesendet, und seit macOS 10.15 genügt eine Signatur allein nicht für das, was heruntergeladen wurde. Die Stufen mit Notarisierung ändern das.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Signed and verified, with the roots that were added: macOS does not know them.</source>
        <translation>Signiert und geprüft, mit den hinzugefügten Stammzertifikaten: macOS kennt sie nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>The certificates cannot sign yet, so this trial will not succeed.</source>
        <translation>Die Zertifikate können noch nicht signieren; dieser Probelauf wird deshalb nicht gelingen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Apple certificates says what is wrong with them.</source>
        <translation>Die Seite „Apple-Zertifikate“ sagt, was damit nicht stimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>The trial opens the two .p12 files by itself; if they do not open, their page says why.</source>
        <translation>Der Probelauf öffnet die zwei .p12-Dateien von selbst; lassen sie sich nicht öffnen, sagt ihre Seite, warum.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Ready: both certificates can sign.</source>
        <translation>Bereit: Beide Zertifikate können signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Both certificates can sign, but the API key is not accepted: nothing will be notarised.</source>
        <translation>Beide Zertifikate können signieren, aber der API-Schlüssel wird nicht angenommen: Es wird nichts notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Level and API key says what is wrong with it.</source>
        <translation>Die Seite „Stufe und Schlüssel“ sagt, was damit nicht stimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>is stopped: no ticket is stapled, and Apple cannot be asked</source>
        <translation>wird blockiert: Es ist kein Ticket angeheftet, und Apple kann nicht gefragt werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>is stopped: Apple has not notarised it</source>
        <translation>wird blockiert: Apple hat es nicht notarisiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>opens: Apple has notarised it, and the Mac asks Apple once</source>
        <translation>öffnet sich: Apple hat es notarisiert, und der Mac fragt Apple einmal</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>opens once Apple has notarised it</source>
        <translation>öffnet sich, sobald Apple es notarisiert hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>With a network</source>
        <translation>Mit Netz</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Without a network</source>
        <translation>Ohne Netz</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>sign only</source>
        <translation>nur signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>sign and notarise</source>
        <translation>signieren und notarisieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>sign, notarise and staple</source>
        <translation>notarisieren und anheften</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>The extra Apple-like root certificates in {file} cannot be read.</source>
        <translation>Die zusätzlichen Stammzertifikate nach Apples Art in {file} können nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>its issuer, {issuer}, is not known</source>
        <translation>der Aussteller, {issuer}, ist nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/upload_body.py"/>
        <source>Wait until nothing writes to the file, then submit it again.</source>
        <translation>Warten Sie, bis nichts mehr in die Datei schreibt, und reichen Sie sie dann erneut ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_any.py"/>
        <source>The signature holds, but only with the roots that were added: macOS does not know them.</source>
        <translation>Die Signatur ist gültig, aber nur mit den hinzugefügten Stammzertifikaten: macOS kennt sie nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>The same holds for 1 other.</source>
        <translation>Dasselbe gilt für 1 weitere.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>there is no program in it</source>
        <translation>Es ist kein Programm darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} was changed</source>
        <translation>{path} wurde geändert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Link to something in the bundle, and sign again.</source>
        <translation>Verlinken Sie auf etwas im Bundle, und signieren Sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>The same holds for {count} others.</source>
        <translation>Dasselbe gilt für {count} weitere.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Take it from where it was signed, or build it again and sign it.</source>
        <translation>Nehmen Sie es von dort, wo es signiert wurde, oder erstellen Sie es neu und signieren Sie es.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Take it away, or move it to Contents/Resources and sign again.</source>
        <translation>Entfernen Sie es, oder verschieben Sie es nach Contents/Resources und signieren Sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>it is not there</source>
        <translation>Es ist nicht vorhanden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>it is too large</source>
        <translation>zu groß</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>it is of the old form only</source>
        <translation>Es hat nur die alte Form</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} was added</source>
        <translation>{path} kam hinzu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} is missing</source>
        <translation>{path} fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} is a folder now</source>
        <translation>{path} ist jetzt ein Ordner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Take the app from where it was signed, or sign it again.</source>
        <translation>Nehmen Sie die App von dort, wo sie signiert wurde, oder signieren Sie sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its files are packed in an unknown way</source>
        <translation>Die Dateien darin sind auf unbekannte Weise gepackt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents has another size than it says</source>
        <translation>Das Inhaltsverzeichnis hat eine andere Größe als angegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a number in its table of contents is missing or wrong</source>
        <translation>Eine Zahl im Inhaltsverzeichnis fehlt oder ist falsch</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a digest in it is of an unknown kind</source>
        <translation>Ein Hash darin ist von unbekannter Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>it is no xar archive</source>
        <translation>Das ist kein xar-Archiv</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>it is of an unknown version</source>
        <translation>Die Version ist unbekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents is larger than any package's</source>
        <translation>Das Inhaltsverzeichnis ist größer als das jedes Pakets</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its digest is of an unknown kind</source>
        <translation>Der Hash ist von unbekannter Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents is missing</source>
        <translation>Das Inhaltsverzeichnis fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/payload.py"/>
        <source>it unpacks to far more than a package holds</source>
        <translation>Entpackt wäre der Inhalt weit größer als der eines Pakets</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>two of its files have the same name</source>
        <translation>Zwei der Dateien darin haben denselben Namen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>the digest of its table of contents is missing</source>
        <translation>Der Hash des Inhaltsverzeichnisses fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its header and its table of contents name different digests</source>
        <translation>Kopf und Inhaltsverzeichnis nennen verschiedene Hashes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>the digest of its table of contents has the wrong length</source>
        <translation>Der Hash des Inhaltsverzeichnisses hat die falsche Länge</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a signature in it lies outside the file</source>
        <translation>Eine Signatur darin liegt außerhalb der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents cannot be unpacked</source>
        <translation>Das Inhaltsverzeichnis kann nicht entpackt werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>it has more files than any package</source>
        <translation>Es sind mehr Dateien darin, als ein Paket hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>two of its files overlap</source>
        <translation>Zwei der Dateien darin überlappen sich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a file name in it cannot be read</source>
        <translation>Ein Dateiname darin kann nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is shorter than it says</source>
        <translation>{name} ist kürzer als angegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is not what its digest says</source>
        <translation>{name} entspricht nicht dem Hash</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is larger than any package's</source>
        <translation>{name} ist größer, als es in einem Paket vorkommt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents cannot be read: {why}</source>
        <translation>Das Inhaltsverzeichnis kann nicht gelesen werden: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a certificate in it cannot be read</source>
        <translation>Ein Zertifikat darin kann nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} cannot be unpacked</source>
        <translation>{name} kann nicht entpackt werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is longer than it says</source>
        <translation>{name} ist länger als angegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it declares entities</source>
        <translation>Die Datei deklariert Entitäten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xml_tree.py"/>
        <source>it is nested too deeply or has too many elements</source>
        <translation>zu tief verschachtelt oder zu viele Elemente</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xml_tree.py"/>
        <source>its text is in an unknown encoding</source>
        <translation>Der Text hat eine unbekannte Kodierung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xml_tree.py"/>
        <source>it is not well-formed XML ({error})</source>
        <translation>Das ist kein wohlgeformtes XML ({error})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>{file} cannot be unpacked: {why}.</source>
        <translation>{file} kann nicht entpackt werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>{file} holds no app.</source>
        <translation>{file} enthält keine App.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>it is encrypted</source>
        <translation>Die Datei ist verschlüsselt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>it holds more files than any program</source>
        <translation>Es sind mehr Dateien darin, als ein Programm hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>a file name in it leads elsewhere</source>
        <translation>Ein Dateiname darin führt anderswohin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>Pack or download it again.</source>
        <translation>Packen Sie die Datei neu, oder laden Sie sie noch einmal herunter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} is a device or a pipe</source>
        <translation>{name} ist ein Gerät oder eine Pipe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>it unpacks to far more than an app holds</source>
        <translation>Entpackt wäre der Inhalt weit größer als der einer App</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} is in it twice</source>
        <translation>{name} ist doppelt darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} is not signed.</source>
        <translation>{file} ist nicht signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate table of {file} is damaged: {why}.</source>
        <translation>Die Zertifikattabelle von {file} ist beschädigt: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The {signature} cannot be read: {why}.</source>
        <translation>Die {signature} kann nicht gelesen werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The file is the one that was signed ({digest}).</source>
        <translation>Die Datei ist unverändert, seit sie signiert wurde ({digest}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The file was changed after it was signed.</source>
        <translation>Die Datei wurde nach dem Signieren geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature was made by the key of {signer}.</source>
        <translation>Die Signatur wurde mit dem Schlüssel von {signer} erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature does not hold: {why}.</source>
        <translation>Die Signatur ist ungültig: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>{publisher} is vouched for by {root}, which Windows trusts for code signing.</source>
        <translation>Für {publisher} bürgt {root}; Windows vertraut diesem Stammzertifikat für die Codesignatur.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>{publisher} is vouched for by {root}, which counts only because it was added in the settings.</source>
        <translation>Für {publisher} bürgt {root}; dieses Stammzertifikat zählt nur, weil es in den Einstellungen hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Windows will not name {publisher} as the publisher: {why}.</source>
        <translation>Windows wird {publisher} nicht als Herausgeber nennen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate of {publisher} vouches only for itself.</source>
        <translation>Das Zertifikat von {publisher} bürgt nur für sich selbst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature no longer counts: {why}.</source>
        <translation>Die Signatur zählt nicht mehr: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate of {issuer} is not in the file.</source>
        <translation>Das Zertifikat von {issuer} ist nicht in der Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate is not meant for code signing.</source>
        <translation>Das Zertifikat ist nicht für die Codesignatur bestimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The key is smaller than certificates may have today: {key}.</source>
        <translation>Der Schlüssel ist kleiner, als es für Zertifikate heute erlaubt ist: {key}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The key is {key}, which Windows does not accept for programs from public CAs.</source>
        <translation>Der Schlüssel ist {key}; das akzeptiert Windows bei Programmen von öffentlichen CAs nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature uses {digest}, which Windows no longer accepts.</source>
        <translation>Die Signatur verwendet {digest}; das akzeptiert Windows nicht mehr.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The certificate is valid until {date}, {left}.</source>
        <translation>Das Zertifikat ist bis {date} gültig, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate says how its owner was checked: {kind}.</source>
        <translation>Das Zertifikat sagt, wie sein Inhaber geprüft wurde: {kind}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The time stamp of {server} says {time} UTC and holds.</source>
        <translation>Der Zeitstempel von {server} nennt {time} UTC und ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The time stamp of {server} says {time} UTC; its root counts only because it was added in the settings.</source>
        <translation>Der Zeitstempel von {server} nennt {time} UTC; sein Stammzertifikat zählt nur, weil es in den Einstellungen hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>There is no time stamp: the signature ends with the certificate, on {date}.</source>
        <translation>Es gibt keinen Zeitstempel: Die Signatur endet mit dem Zertifikat, am {date}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The time stamp does not hold: {why}.</source>
        <translation>Der Zeitstempel ist ungültig: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The time stamp is of the old kind, which is not judged here.</source>
        <translation>Der Zeitstempel ist von der alten Art, die hier nicht beurteilt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Whether a certificate was revoked was not checked.</source>
        <translation>Ob ein Zertifikat widerrufen wurde, ist nicht geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Windows itself accepts the signature.</source>
        <translation>Windows selbst akzeptiert die Signatur.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Windows on this computer does not accept the signature: {why}.</source>
        <translation>Windows auf diesem Computer akzeptiert die Signatur nicht: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature holds, but only with the roots that were added: Windows does not know them.</source>
        <translation>Die Signatur ist gültig, aber nur mit den hinzugefügten Stammzertifikaten: Windows kennt sie nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>there are no signed attributes</source>
        <translation>Es gibt keine signierten Attribute</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>there is no message digest</source>
        <translation>Der Hash der Nachricht fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signed content type is another one</source>
        <translation>Der signierte Inhaltstyp ist ein anderer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the message digest is another one</source>
        <translation>Der Hash der Nachricht ist ein anderer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>not a SignedData</source>
        <translation>keine SignedData-Struktur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>a SignedData that is cut short</source>
        <translation>eine SignedData-Struktur, die abgeschnitten ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>more certificates than any signature has</source>
        <translation>mehr Zertifikate, als eine Signatur haben kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>more signers than any signature has</source>
        <translation>mehr Unterzeichner, als eine Signatur haben kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>signature and digest algorithm contradict each other</source>
        <translation>Signatur- und Hash-Algorithmus widersprechen sich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signature was not made by this key over these bytes</source>
        <translation>Die Signatur wurde nicht mit diesem Schlüssel über diese Bytes erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signature is for another kind of file</source>
        <translation>Die Signatur ist für eine andere Art von Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signature has several signers</source>
        <translation>Die Signatur hat mehrere Unterzeichner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>a SignerInfo that is cut short</source>
        <translation>eine abgeschnittene SignerInfo</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>a SignerInfo without a signature</source>
        <translation>eine SignerInfo ohne Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the key is of a kind that does not sign programs</source>
        <translation>Der Schlüssel ist von einer Art, die keine Programme signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>more attributes than any signature has</source>
        <translation>mehr Attribute, als eine Signatur haben kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the algorithm is not the key's</source>
        <translation>Der Algorithmus passt nicht zum Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>the signature cannot be checked: {error}</source>
        <translation>Die Signatur kann nicht geprüft werden: {error}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>{found} parts in place of {count}</source>
        <translation>{found} Teile statt {count}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>digest algorithm {oid} is not known</source>
        <translation>Der Hash-Algorithmus {oid} ist nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>not a time</source>
        <translation>keine Zeitangabe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>too many parts</source>
        <translation>zu viele Teile</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>cut short</source>
        <translation>abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a tag of several octets</source>
        <translation>ein Tag aus mehreren Oktetten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>longer than what holds it</source>
        <translation>länger als das, worin es steht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>something follows the end</source>
        <translation>nach dem Ende folgt noch etwas</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>not an object identifier</source>
        <translation>kein Objektbezeichner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>an integer without octets</source>
        <translation>eine Ganzzahl ohne Oktette</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a time that is not in UTC</source>
        <translation>eine Zeitangabe, die nicht in UTC ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a primitive value has no parts</source>
        <translation>ein einfacher Wert hat keine Teile</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>a length that is not DER</source>
        <translation>eine Länge, die nicht DER entspricht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a time with a strange fraction</source>
        <translation>eine Zeitangabe mit ungewöhnlichem Bruchteil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>tag {found} in place of {wanted}</source>
        <translation>Tag {found} statt {wanted}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>not a time: {text}</source>
        <translation>keine Zeitangabe: {text}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>the signed file would be larger than 4 GiB</source>
        <translation>Die signierte Datei wäre größer als 4 GiB</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its DOS header is cut short</source>
        <translation>Der DOS-Header ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>it is larger than 4 GiB, which a signature cannot cover</source>
        <translation>Die Datei ist größer als 4 GiB; das kann eine Signatur nicht abdecken</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its PE header lies behind the end of the file</source>
        <translation>Der PE-Header liegt hinter dem Ende der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its optional header is missing or cut short</source>
        <translation>Der Optional Header fehlt oder ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its optional header is of an unknown kind</source>
        <translation>Der Optional Header ist von unbekannter Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its optional header is cut short</source>
        <translation>Der Optional Header ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>it has no place for a signature (fewer than five data directories)</source>
        <translation>Es gibt keinen Platz für eine Signatur (weniger als fünf Datenverzeichnisse)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its section table is cut short</source>
        <translation>Die Abschnittstabelle ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table has a size but no place, or the reverse</source>
        <translation>Die Zertifikattabelle hat eine Größe, aber keinen Ort, oder umgekehrt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table overlaps the headers</source>
        <translation>Die Zertifikattabelle überlappt die Header</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table reaches behind the end of the file</source>
        <translation>Die Zertifikattabelle reicht über das Ende der Datei hinaus</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table is not aligned to eight bytes</source>
        <translation>Die Zertifikattabelle ist nicht auf acht Bytes ausgerichtet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>there is data behind its certificate table</source>
        <translation>Hinter der Zertifikattabelle stehen noch Daten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table is larger than any signature</source>
        <translation>Die Zertifikattabelle ist größer, als eine Signatur sein kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>an entry of the certificate table is cut short</source>
        <translation>Ein Eintrag der Zertifikattabelle ist abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its PE header overlaps the DOS header or is not aligned</source>
        <translation>Der PE-Header überlappt den DOS-Header oder ist nicht ausgerichtet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>a section reaches behind the end of the file</source>
        <translation>Ein Abschnitt reicht über das Ende der Datei hinaus</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>the file became shorter while it was read</source>
        <translation>Die Datei wurde kürzer, während sie gelesen wurde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>an entry of the certificate table says it has {length} bytes</source>
        <translation>Ein Eintrag der Zertifikattabelle gibt {length} Bytes an</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>{file} is not a Windows program: {what}.</source>
        <translation>{file} ist kein Windows-Programm: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>{file} changed while it was being signed; nothing was written.</source>
        <translation>{file} wurde während des Signierens geändert; es wurde nichts geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a DOS program, or was cut short</source>
        <translation>Es ist ein DOS-Programm, oder es wurde abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is of a kind this tool does not know</source>
        <translation>Es ist von einer Art, die dieses Werkzeug nicht kennt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>Unpack it and sign the .exe inside.</source>
        <translation>Entpacken Sie die Datei, und signieren Sie die .exe darin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>Sign it with the tool that made it, or choose the .exe installer.</source>
        <translation>Signieren Sie die Datei mit dem Werkzeug, das sie erstellt hat, oder wählen Sie das Installationsprogramm als .exe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a zip file</source>
        <translation>Es ist eine ZIP-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a script</source>
        <translation>Es ist ein Skript</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a web page; perhaps the download was an error message</source>
        <translation>Es ist eine Webseite; vielleicht war der Download eine Fehlermeldung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a text file</source>
        <translation>Es ist eine Textdatei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a Windows Installer package (.msi) or an old document; this tool signs neither</source>
        <translation>Es ist ein Windows-Installer-Paket (.msi) oder ein altes Dokument; dieses Werkzeug signiert beides nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a cabinet (.cab), which this tool does not sign</source>
        <translation>Es ist ein Cabinet-Archiv (.cab), das dieses Werkzeug nicht signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a Linux program</source>
        <translation>Es ist ein Linux-Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a macOS program</source>
        <translation>Es ist ein macOS-Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a universal macOS program or a Java class</source>
        <translation>Es ist ein universelles macOS-Programm oder eine Java-Klasse</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a macOS package (.pkg)</source>
        <translation>Es ist ein macOS-Paket (.pkg)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a 7-Zip archive</source>
        <translation>Es ist ein 7-Zip-Archiv</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a RAR archive</source>
        <translation>Es ist ein RAR-Archiv</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a gzip file</source>
        <translation>Es ist eine gzip-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is an xz file</source>
        <translation>Es ist eine xz-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a bzip2 file</source>
        <translation>Es ist eine bzip2-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a PDF document</source>
        <translation>Es ist ein PDF-Dokument</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a library or a Debian package</source>
        <translation>Es ist eine Bibliothek oder ein Debian-Paket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a certificate, request or key in PEM</source>
        <translation>Es ist ein Zertifikat, eine Anforderung oder ein Schlüssel in PEM</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it looks like a certificate or a key file</source>
        <translation>Es sieht nach einer Zertifikat- oder Schlüsseldatei aus</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a 16-bit Windows program</source>
        <translation>Es ist ein 16-Bit-Windows-Programm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is an OS/2 program or an old driver</source>
        <translation>Es ist ein OS/2-Programm oder ein alter Treiber</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is an app package or document in a zip (.msix, .appx, .vsix, .docx)</source>
        <translation>Es ist ein App-Paket oder Dokument in einer ZIP-Datei (.msix, .appx, .vsix, .docx)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>Build or download the file again.</source>
        <translation>Erstellen Sie die Datei neu, oder laden Sie sie noch einmal herunter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>The extra root certificates in {file} cannot be read.</source>
        <translation>Die zusätzlichen Stammzertifikate in {file} können nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>Microsoft does not trust this root for this purpose</source>
        <translation>Microsoft vertraut diesem Stammzertifikat für diesen Zweck nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>Name a file that is there, or take it out of the profile: codesign-wizard profile set extra-roots= extra-timestamp-roots=</source>
        <translation>Nennen Sie eine vorhandene Datei, oder nehmen Sie sie aus dem Profil: codesign-wizard profile set extra-roots= extra-timestamp-roots=</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>at all</source>
        <translation>in keinem Fall</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>Microsoft no longer trusts this root for this purpose, {since}</source>
        <translation>Microsoft vertraut diesem Stammzertifikat für diesen Zweck nicht mehr, {since}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>since {date}</source>
        <translation>seit {date}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>{file} has no time stamp: its signature ends with the certificate.</source>
        <translation>{file} hat keinen Zeitstempel: Die Signatur endet mit dem Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>The {name} cannot be put into a signature: {why}.</source>
        <translation>Diese Angabe kann nicht in eine Signatur übernommen werden ({name}): {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>A signature cannot be added to {file}: {why}.</source>
        <translation>{file} kann keine weitere Signatur erhalten: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>it is longer than 1024 characters or has control characters</source>
        <translation>Der Text ist länger als 1024 Zeichen oder enthält Steuerzeichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>it is not an address that begins with http:// or https://, in plain ASCII</source>
        <translation>Es ist keine Adresse, die mit http:// oder https:// beginnt, in reinem ASCII</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>{milliseconds} ms</source>
        <translation>{milliseconds} ms</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>its certificate table has {count} entries in place of one</source>
        <translation>Die Zertifikattabelle hat {count} Einträge statt einem</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>description</source>
        <translation>Beschreibung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>address</source>
        <translation>Adresse</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>it is not signed yet</source>
        <translation>Die Datei ist noch nicht signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>The time-stamp server {server} could not be used: {why}.</source>
        <translation>Der Zeitstempelserver {server} konnte nicht verwendet werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>The time-stamp server {server} did not answer within {seconds} s.</source>
        <translation>Der Zeitstempelserver {server} hat nicht innerhalb von {seconds} s geantwortet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>The time-stamp server {server} gave an answer that does not hold: {why}.</source>
        <translation>Der Zeitstempelserver {server} hat eine ungültige Antwort gegeben: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>None of the {count} time-stamp servers gave a usable time stamp.</source>
        <translation>Keiner der {count} Zeitstempelserver hat einen brauchbaren Zeitstempel geliefert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>{server} is not the address of a time-stamp server.</source>
        <translation>{server} ist keine Adresse eines Zeitstempelservers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its certificate is not meant for time stamps alone</source>
        <translation>Das Zertifikat ist nicht allein für Zeitstempel bestimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it does not name its certificate</source>
        <translation>Die Antwort nennt ihr Zertifikat nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is no time-stamp answer</source>
        <translation>Es ist keine Zeitstempelantwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is no time-stamp token</source>
        <translation>Es ist kein Zeitstempel-Token</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is for other data</source>
        <translation>Die Antwort gilt für andere Daten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is for another request</source>
        <translation>Die Antwort gehört zu einer anderen Anfrage</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its list of digest algorithms lacks its own</source>
        <translation>In der Liste der Hash-Algorithmen fehlt der eigene</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>its certificate is missing</source>
        <translation>Das Zertifikat dazu fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its certificate is not meant for time stamps</source>
        <translation>Das Zertifikat ist nicht für Zeitstempel bestimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it names another certificate</source>
        <translation>Die Antwort nennt ein anderes Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it answered with HTTP status {status}</source>
        <translation>Der Server hat mit dem HTTP-Status {status} geantwortet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>Write it in full, such as http://timestamp.digicert.com.</source>
        <translation>Schreiben Sie die Adresse vollständig, etwa http://timestamp.digicert.com.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it uses {digest}, which no longer counts</source>
        <translation>Der Zeitstempel verwendet {digest}; das zählt nicht mehr</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>There is no time-stamp server in the list.</source>
        <translation>In der Liste steht kein Zeitstempelserver.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its signature is wrong: {problem}</source>
        <translation>Die Signatur ist falsch: {problem}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it cannot be read ({error})</source>
        <translation>Die Antwort kann nicht gelesen werden ({error})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>Asking {server}, attempt {attempt} of {attempts}</source>
        <translation>{server} wird gefragt, Versuch {attempt} von {attempts}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>Add another time-stamp server, or ask your network people to allow these.</source>
        <translation>Fügen Sie einen weiteren Zeitstempelserver hinzu, oder bitten Sie Ihre Netzwerkabteilung, diese zuzulassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it refused the request (status {code}) {words}</source>
        <translation>Der Server hat die Anfrage abgelehnt (Status {code}) {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>{name} is valid only from {date}</source>
        <translation>{name} ist erst ab {date} gültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>{name} is signed with {digest}</source>
        <translation>{name} ist mit {digest} signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>it vouches only for itself</source>
        <translation>Es bürgt nur für sich selbst</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>{name} expired on {date}</source>
        <translation>{name} ist am {date} abgelaufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>its issuer, {issuer}, is not in the file</source>
        <translation>Der Aussteller {issuer} ist nicht in der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>it ends in {root}, which Windows does not know</source>
        <translation>Die Kette endet in {root}; das kennt Windows nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>it ends in {root}, which is not Apple's root</source>
        <translation>Es endet in {root}, und das ist nicht Apples Stammzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>the key of {name} has only {bits} bits</source>
        <translation>Der Schlüssel von {name} hat nur {bits} Bit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>{name} is not allowed to issue this certificate</source>
        <translation>{name} darf dieses Zertifikat nicht ausstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>{name} has a critical extension that is not understood ({oid})</source>
        <translation>{name} hat eine kritische Erweiterung, die nicht verstanden wird ({oid})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>{name} is not meant for this purpose</source>
        <translation>{name} ist nicht für diesen Zweck bestimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>signature</source>
        <translation>Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>Windows shows an unknown publisher and SmartScreen warns.</source>
        <translation>Windows zeigt einen unbekannten Herausgeber, und SmartScreen warnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>an entry is of the unknown revision {number}</source>
        <translation>Ein Eintrag hat die unbekannte Revision {number}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>signature {n}</source>
        <translation>Signatur {n}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>something stands behind the signature</source>
        <translation>Hinter der Signatur steht noch etwas</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it.</source>
        <translation>Signieren Sie die Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>nested signature {n}</source>
        <translation>verschachtelte Signatur {n}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>Take the file from where it was signed, or sign it again.</source>
        <translation>Nehmen Sie die Datei von dort, wo sie signiert wurde, oder signieren Sie sie neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>there is no signature</source>
        <translation>Es gibt keine Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the file was changed after it was signed</source>
        <translation>Die Datei wurde nach dem Signieren geändert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the chain ends in a root that this computer does not trust</source>
        <translation>Die Kette endet in einem Stammzertifikat, dem dieser Computer nicht vertraut</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the chain cannot be built</source>
        <translation>Die Kette kann nicht gebildet werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>a certificate is out of its validity</source>
        <translation>Ein Zertifikat ist außerhalb seiner Gültigkeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the certificate was explicitly distrusted</source>
        <translation>Dem Zertifikat wurde das Vertrauen ausdrücklich entzogen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the certificate is not meant for this purpose</source>
        <translation>Das Zertifikat ist nicht für diesen Zweck bestimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>a certificate was revoked</source>
        <translation>Ein Zertifikat wurde widerrufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the time stamp does not hold</source>
        <translation>Der Zeitstempel ist ungültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the publisher is not trusted</source>
        <translation>Dem Herausgeber wird nicht vertraut</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the basic constraints of a certificate were not observed</source>
        <translation>Die Basiseinschränkungen eines Zertifikats wurden nicht eingehalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the file could not be read</source>
        <translation>die Datei konnte nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>error {code}</source>
        <translation>Fehler {code}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>Taken as the application secret.</source>
        <translation>Als Clientgeheimnis übernommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>Taken as the vault name.</source>
        <translation>Als Tresorname übernommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>Recognised: {fields}.</source>
        <translation>Erkannt: {fields}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>This is an ID, but it does not say which: paste it into the field it belongs to.</source>
        <translation>Das ist eine ID, aber sie sagt nicht, welche: Fügen Sie sie in das Feld ein, zu dem sie gehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/discovery.py"/>
        <source>The name {host} is not known. It may be mistyped, deleted, or in another cloud.</source>
        <translation>Der Name {host} ist nicht bekannt. Er ist vielleicht falsch geschrieben, gelöscht oder in einer anderen Cloud.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Check the clock and the Azure cloud; if both are right, try again later.</source>
        <translation>Prüfen Sie die Uhr und die Azure-Cloud; stimmt beides, versuchen Sie es später erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It wins over every role. People cannot make one by hand: a deployment did.</source>
        <translation>Sie geht jeder Rolle vor. Von Hand kann man keine anlegen: Sie stammt aus einer Bereitstellung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>The vault goes by access policies: a tick is missing. Roles do nothing on such a vault.</source>
        <translation>Der Tresor richtet sich nach Zugriffsrichtlinien: Ein Häkchen fehlt. Rollen bewirken bei einem solchen Tresor nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Try again in a few minutes: it is a fault of Azure's that passes.</source>
        <translation>Versuchen Sie es in einigen Minuten erneut: Es ist eine Störung bei Azure, die vorübergeht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>The vault goes by roles (Azure RBAC). Owner and Contributor do not count. A new role takes up to ten minutes to work.</source>
        <translation>Der Tresor richtet sich nach Rollen (Azure RBAC). „Owner“ und „Contributor“ zählen nicht. Eine neue Rolle braucht bis zu zehn Minuten, bis sie wirkt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Too many requests came to it within a few seconds, from here or from others.</source>
        <translation>Innerhalb weniger Sekunden kamen zu viele Anfragen an, von hier oder von anderen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>not told</source>
        <translation>nicht genannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>The server must reach it as well: a hosted server cannot use your private network.</source>
        <translation>Auch der Server muss ihn erreichen: Ein gehosteter Server kann Ihr privates Netz nicht nutzen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It may be mistyped, in another vault, or deleted.</source>
        <translation>Es ist vielleicht falsch geschrieben, in einem anderen Tresor oder gelöscht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Its own words: {words}</source>
        <translation>Der Wortlaut: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It sees this computer as {address}. The server must be let in as well.</source>
        <translation>Der Tresor sieht diesen Computer als {address}. Auch der Server muss zugelassen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It is called {name}. {more}</source>
        <translation>Sie heißt {name}. {more}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Find out what made the deny assignment, and have the application left out of it.</source>
        <translation>Finden Sie heraus, woher die Ablehnungszuweisung stammt, und lassen Sie die Anwendung davon ausnehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>an address it does not tell</source>
        <translation>eine Adresse, die er nicht nennt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It belongs to a deployment stack, a managed application or a blueprint: change that.</source>
        <translation>Sie gehört zu einem Deployment Stack, einer Managed Application oder einem Blueprint: Ändern Sie sie dort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Key vaults, {vault}, Access control (IAM), Deny assignments.</source>
        <translation>„Key vaults“, {vault}, „Access control (IAM)“, „Deny assignments“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/inside.py"/>
        <source>Being Owner is not enough for this: it takes Key Vault Certificates Officer on the vault, or its access policy for certificates.</source>
        <translation>„Owner“ zu sein reicht dafür nicht: Nötig ist „Key Vault Certificates Officer“ auf dem Tresor oder dessen Zugriffsrichtlinie für Zertifikate.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The {field} is missing.</source>
        <translation>Es fehlt: {field}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The {field} is still a placeholder.</source>
        <translation>{field}: Das ist noch ein Platzhalter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{name} cannot be the name of a vault: {why}.</source>
        <translation>{name} kann nicht der Name eines Tresors sein: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{host} is not the address of a vault.</source>
        <translation>{host} ist nicht die Adresse eines Tresors.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{host} is a Managed HSM, not a Key Vault.</source>
        <translation>{host} ist ein Managed HSM, kein Key Vault.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{name} cannot be the name of a certificate in a vault.</source>
        <translation>{name} kann nicht der Name eines Zertifikats in einem Tresor sein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>This is the identifier of a {kind}, not of a certificate.</source>
        <translation>Diese Kennung gehört nicht zu einem Zertifikat, sondern zu etwas anderem: {kind}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{value} is not an Application ID.</source>
        <translation>{value} ist keine Anwendungs-ID.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{value} is neither a Tenant ID nor a domain of a tenant.</source>
        <translation>{value} ist weder eine Mandanten-ID noch eine Domäne eines Mandanten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The {field} is all zeros.</source>
        <translation>{field}: Das sind nur Nullen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Application ID and Tenant ID are the same.</source>
        <translation>Anwendungs-ID und Mandanten-ID sind gleich.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>This looks like the Secret ID, not the secret's Value.</source>
        <translation>Das sieht nach der „Secret ID“ aus, nicht nach dem „Value“ des Geheimnisses.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The application secret has blanks or line ends in it.</source>
        <translation>Das Clientgeheimnis enthält Leerzeichen oder Zeilenumbrüche.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Names are 1 to 127 letters of a to z, digits and hyphens; no blanks, dots or underscores.</source>
        <translation>Namen bestehen aus 1 bis 127 Buchstaben von a bis z, Ziffern und Bindestrichen, ohne Leerzeichen, Punkte und Unterstriche.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>It is the Application (client) ID on the app registration's Overview page.</source>
        <translation>Das ist „Application (client) ID“ auf der Seite „Overview“ der App-Registrierung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>It is the Directory (tenant) ID on the app registration's Overview page.</source>
        <translation>Das ist „Directory (tenant) ID“ auf der Seite „Overview“ der App-Registrierung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>only letters of a to z, digits and hyphens are allowed</source>
        <translation>Nur Buchstaben von a bis z, Ziffern und Bindestriche sind erlaubt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>it must have 3 to 24 characters</source>
        <translation>Er muss 3 bis 24 Zeichen haben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>it must begin with a letter</source>
        <translation>Er muss mit einem Buchstaben beginnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>two hyphens may not follow each other</source>
        <translation>Zwei Bindestriche dürfen nicht aufeinander folgen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>it may not end with a hyphen</source>
        <translation>Er darf nicht mit einem Bindestrich enden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Give the certificate's name.</source>
        <translation>Geben Sie den Namen des Zertifikats an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>vault</source>
        <translation>Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Vaults end in {suffix}: is {wanted} meant?</source>
        <translation>Tresoradressen enden auf {suffix}: Ist {wanted} gemeint?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Give the vault's name alone, or its address, which ends in {suffix}.</source>
        <translation>Geben Sie nur den Namen des Tresors an oder seine Adresse, die auf {suffix} endet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>This looks like a domain, which can stand for the tenant only.</source>
        <translation>Das sieht wie eine Domäne aus, und eine solche kann nur für den Mandanten stehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>An application signs in to one tenant; this word stands for all of them.</source>
        <translation>Eine Anwendung meldet sich bei einem Mandanten an; dieses Wort steht für alle.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Put your own value in its place.</source>
        <translation>Setzen Sie Ihren eigenen Wert dafür ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The portal shows both on the application's Overview page, below each other.</source>
        <translation>Das Portal zeigt beide auf der Seite „Overview“ der Anwendung untereinander.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>key</source>
        <translation>Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>secret</source>
        <translation>Geheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>A certificate's key and secret bear its name: this one's may be {name}.</source>
        <translation>Schlüssel und Geheimnis eines Zertifikats tragen seinen Namen: Dieses heißt vielleicht {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The portal shows both side by side; the Value is shown only when the secret is made.</source>
        <translation>Das Portal zeigt beide nebeneinander; der „Value“ wird nur beim Erstellen des Geheimnisses angezeigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>It holds keys but no certificates. Use a Key Vault of the Premium tier.</source>
        <translation>Es enthält Schlüssel, aber keine Zertifikate. Verwenden Sie einen Key Vault der Stufe Premium.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Signed in as the administrator {account}.</source>
        <translation>Angemeldet als Administrator {account}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The Azure CLI (az) is not installed here, or not on the path.</source>
        <translation>Die Azure CLI (az) ist hier nicht installiert oder nicht im Suchpfad.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The Azure CLI is not signed in.</source>
        <translation>Die Azure CLI ist nicht angemeldet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The Azure CLI gave no token.</source>
        <translation>Die Azure CLI hat kein Token geliefert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>No browser could be opened for the administrator's sign-in.</source>
        <translation>Für die Anmeldung des Administrators konnte kein Browser geöffnet werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Nobody completed the administrator's sign-in in time.</source>
        <translation>Die Anmeldung des Administrators wurde nicht rechtzeitig abgeschlossen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's sign-in was declined or cancelled.</source>
        <translation>Die Anmeldung des Administrators wurde abgelehnt oder abgebrochen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>A Conditional Access policy blocks this way of signing in.</source>
        <translation>Eine Richtlinie für bedingten Zugriff (Conditional Access) blockiert diese Art der Anmeldung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's account needs a second factor for this tenant.</source>
        <translation>Das Administratorkonto braucht für diesen Mandanten einen zweiten Faktor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The account that signed in does not belong to the tenant {tenant}.</source>
        <translation>Das angemeldete Konto gehört nicht zum Mandanten {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The tenant does not let this account use the tool that signs in.</source>
        <translation>Der Mandant erlaubt diesem Konto nicht, das Werkzeug zu verwenden, das die Anmeldung vornimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>There is no tenant {tenant} in {cloud}.</source>
        <translation>In {cloud} gibt es keinen Mandanten {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator signed in to the tenant {given}, but the vault belongs to {tenant}.</source>
        <translation>Der Administrator hat sich beim Mandanten {given} angemeldet, der Tresor gehört aber zu {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Entra ID cannot serve the administrator's sign-in at the moment.</source>
        <translation>Entra ID kann die Anmeldung des Administrators im Moment nicht bearbeiten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's sign-in has ended: sign in again.</source>
        <translation>Die Anmeldung des Administrators ist abgelaufen: Melden Sie sich erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's sign-in was refused: {words}</source>
        <translation>Die Anmeldung des Administrators wurde abgelehnt: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's account sees no vault {vault}.</source>
        <translation>Das Administratorkonto sieht keinen Tresor {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's account {account} may not do this: {action}.</source>
        <translation>Das Administratorkonto {account} darf dies nicht: {action}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure Resource Manager does not accept the administrator's token.</source>
        <translation>Azure Resource Manager akzeptiert das Token des Administrators nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure Resource Manager is busy or unavailable (HTTP {status}).</source>
        <translation>Azure Resource Manager ist überlastet oder nicht verfügbar (HTTP {status}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure Resource Manager refused: {words}</source>
        <translation>Azure Resource Manager hat abgelehnt: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Not everything about the vault's grants could be read: {what}.</source>
        <translation>Nicht alles über die Berechtigungen des Tresors konnte gelesen werden: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The account {account} may not grant this: {action} is refused.</source>
        <translation>Das Konto {account} darf dies nicht erteilen: {action} wird abgelehnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>A lock on the vault, its resource group or its subscription forbids the change.</source>
        <translation>Eine Sperre auf dem Tresor, seiner Ressourcengruppe oder seinem Abonnement verbietet die Änderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>A policy of the organisation (Azure Policy) forbids the change.</source>
        <translation>Eine Richtlinie der Organisation (Azure Policy) verbietet die Änderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The tenant has no service principal with the object ID {object_id}.</source>
        <translation>Im Mandanten gibt es keinen Dienstprinzipal mit der Objekt-ID {object_id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure's limit is reached: {words}</source>
        <translation>Eine Grenze von Azure ist erreicht: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The role {role} excludes what is to be granted: {actions}.</source>
        <translation>Die Rolle {role} schließt aus, was erteilt werden soll: {actions}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Granted: {what}.</source>
        <translation>Erteilt: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Was granted already: {what}.</source>
        <translation>War schon erteilt: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The grant works, {seconds} s after it was made.</source>
        <translation>Die erteilte Berechtigung wirkt, {seconds} s nach dem Erteilen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The vault knows the grant now, {seconds} s after waiting began.</source>
        <translation>Der Tresor kennt die erteilte Berechtigung jetzt, {seconds} s nach Beginn des Wartens.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The grant is made, but the vault does not know it yet after {minutes} min.</source>
        <translation>Die Berechtigung ist erteilt, aber der Tresor kennt sie nach {minutes} min noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Interrupted while waiting. What is granted stays.</source>
        <translation>Beim Warten unterbrochen. Was erteilt ist, bleibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Interrupted while granting. What was granted by then stays.</source>
        <translation>Beim Erteilen unterbrochen. Was bis dahin erteilt wurde, bleibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>that signed in</source>
        <translation>der aktuellen Anmeldung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>Nothing was changed.</source>
        <translation>Es wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again with an administrator's account of the vault's tenant.</source>
        <translation>Melden Sie sich erneut an, mit einem Administratorkonto des Mandanten, zu dem der Tresor gehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in another way (browser, device code, az), or hand the commands to an administrator.</source>
        <translation>Melden Sie sich auf andere Weise an (Browser, Gerätecode, az), oder übergeben Sie die Befehle einem Administrator.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in through the browser or with a device code, or install the Azure CLI.</source>
        <translation>Melden Sie sich über den Browser oder mit einem Gerätecode an, oder installieren Sie die Azure CLI.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Hand the commands to an Owner or User Access Administrator of the vault, or sign in as one.</source>
        <translation>Übergeben Sie die Befehle einem „Owner“ oder „User Access Administrator“ des Tresors, oder melden Sie sich als solcher an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Another way often passes: the browser on a managed computer, or az there.</source>
        <translation>Oft gelingt es auf anderem Weg: mit dem Browser auf einem verwalteten Computer oder dort mit az.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Key vaults, the vault, Access control (IAM), Role assignments: who is Owner.</source>
        <translation>„Key vaults“, der Tresor, „Access control (IAM)“, „Role assignments“: wer „Owner“ ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again, and choose an administrator's account of the tenant {tenant}.</source>
        <translation>Melden Sie sich erneut an, und wählen Sie ein Administratorkonto des Mandanten {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The token is of another tenant than the subscription.</source>
        <translation>Das Token gehört zu einem anderen Mandanten als das Abonnement.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again; a code is good for about fifteen minutes.</source>
        <translation>Melden Sie sich erneut an; ein Code gilt etwa fünfzehn Minuten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Check the Tenant ID and the Azure cloud.</source>
        <translation>Prüfen Sie die Mandanten-ID und die Azure-Cloud.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again, and choose Continue.</source>
        <translation>Melden Sie sich erneut an, und wählen Sie „Continue“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Have the lock removed for the change (Locks, on the resource's page).</source>
        <translation>Lassen Sie die Sperre für die Änderung entfernen („Locks“ auf der Seite der Ressource).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Compare the object ID under Enterprise applications; try again later.</source>
        <translation>Vergleichen Sie die Objekt-ID unter „Enterprise applications“; versuchen Sie es später erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>The vault let it through.</source>
        <translation>Der Tresor hat es zugelassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>The vault refused it: it has to be granted.</source>
        <translation>Der Tresor hat es abgelehnt: Es muss erteilt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>Other answers speak for it; nobody has tried it.</source>
        <translation>Andere Antworten sprechen dafür; ausprobiert hat es niemand.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>Trying it would change something, so it is not tried.</source>
        <translation>Ein Versuch würde etwas ändern, deshalb wird es nicht versucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/arm.py"/>
        <source>its list does not end</source>
        <translation>die Liste nimmt kein Ende</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/arm.py"/>
        <source>it names an address that is none of its own</source>
        <translation>die genannte Adresse gehört nicht dazu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/arm.py"/>
        <source>what it gives is no list</source>
        <translation>was zurückkommt, ist keine Liste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/catalogue.py"/>
        <source>Enough to sign a client</source>
        <translation>Genug, um einen Client zu signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/catalogue.py"/>
        <source>Enough for the certificate's whole life</source>
        <translation>Genug für die ganze Lebensdauer des Zertifikats</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/catalogue.py"/>
        <source>All that the server's documentation asks for</source>
        <translation>Alles laut Dokumentation des Servers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>The vault refused to read the certificate.</source>
        <translation>Der Tresor hat das Lesen des Zertifikats abgelehnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>A test signature was made, and is good.</source>
        <translation>Eine Testsignatur wurde erstellt und ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>The vault refused the test signature with the certificate's key.</source>
        <translation>Der Tresor hat die Testsignatur mit dem Schlüssel des Zertifikats abgelehnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>It refused none of {all} requests for lack of a permission, and let {count} through for certain.</source>
        <translation>Er hat keine von {all} Anfragen wegen einer fehlenden Berechtigung verweigert und {count} mit Sicherheit durchgelassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>{reason} That is on {name} alone, not on the vault.</source>
        <translation>{reason} Das gilt nur für {name}, nicht für den Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>No role that the application holds on this vault, or above it, has it.</source>
        <translation>Keine Rolle, die die Anwendung für diesen Tresor oder darüber hat, enthält diese Berechtigung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Not ticked itself, but Manage Certificate Authorities is, which probably includes it.</source>
        <translation>Selbst nicht angehakt, aber „Manage Certificate Authorities“ ist angehakt und schließt es wahrscheinlich ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>No access policy ticks it for the application.</source>
        <translation>In keiner Zugriffsrichtlinie ist dies für die Anwendung angehakt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>A role is held whose definition could not be read: {role}.</source>
        <translation>Es ist eine Rolle vorhanden, deren Definition nicht gelesen werden konnte: {role}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role assignments could not be read.</source>
        <translation>Die Rollenzuweisungen konnten nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Ticked in an access policy of another tenant, {tenant}: it hardly counts here.</source>
        <translation>In einer Zugriffsrichtlinie eines anderen Mandanten, {tenant}, angehakt: hier zählt sie kaum.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Not ticked for the application itself; which groups it is in could not be read.</source>
        <translation>Für die Anwendung selbst nicht angehakt; in welchen Gruppen sie ist, konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} grants it.</source>
        <translation>Die Rolle „{role}“ erteilt sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Ticked in the application's access policy.</source>
        <translation>In der Zugriffsrichtlinie der Anwendung angehakt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Ticked in the access policy of the group {id}, which the application is in.</source>
        <translation>In der Zugriffsrichtlinie der Gruppe {id} angehakt, zu der die Anwendung gehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} grants it, through the group {group}.</source>
        <translation>Die Rolle „{role}“ erteilt sie, über die Gruppe {group}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} holds it only under a condition, which is not judged here.</source>
        <translation>Die Rolle {role} enthält es nur unter einer Bedingung, die hier nicht beurteilt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} holds it; whether something denies it could not be read.</source>
        <translation>Die Rolle {role} enthält es; ob etwas es verbietet, konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>It is left as it is, and not assigned: it would not be enough.</source>
        <translation>Sie bleibt, wie sie ist, und wird nicht zugewiesen: sie würde nicht genügen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>For whoever may: the commands of what is not granted yet.</source>
        <translation>Für jemanden, der es darf: die Befehle für das, was noch nicht erteilt ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>what it gives is no document of its own</source>
        <translation>was zurückkommt, ist kein Dokument des Dienstes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Nothing needs to be granted again. Check again later.</source>
        <translation>Es muss nichts noch einmal erteilt werden. Prüfen Sie später erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Grant the documented roles in place of it, or take the exclusion out of the role.</source>
        <translation>Erteilen Sie stattdessen die dokumentierten Rollen, oder nehmen Sie den Ausschluss aus der Rolle heraus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Check again in a few minutes.</source>
        <translation>Prüfen Sie in einigen Minuten erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Subscriptions, Access control (IAM), Roles: {role}, Edit.</source>
        <translation>„Subscriptions“, „Access control (IAM)“, „Roles“: {role}, „Edit“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>groups of the application</source>
        <translation>Gruppen der Anwendung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>role assignments</source>
        <translation>Rollenzuweisungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>deny assignments</source>
        <translation>Ablehnungszuweisungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>1 subscription was looked through.</source>
        <translation>1 Abonnement wurde durchsucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>{count} subscriptions were looked through.</source>
        <translation>{count} Abonnements wurden durchsucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in with an account that has at least the role Reader on the vault.</source>
        <translation>Melden Sie sich mit einem Konto an, das für den Tresor mindestens die Rolle „Reader“ hat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>role definition {id}</source>
        <translation>Rollendefinition {id}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>The vault has no request that would tell this and certainly change nothing.</source>
        <translation>Der Tresor kennt keine Anfrage, aus der das hervorginge und die dabei sicher nichts änderte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>{reason} Whether something denies it could not be read.</source>
        <translation>{reason} Ob etwas es verbietet, konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>{reason} Whether the vault knows of this grant yet was not seen.</source>
        <translation>{reason} Ob der Tresor diese Berechtigung schon kennt, war nicht zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>The vault refuses it for other names. {name} itself was not asked about: that could change it.</source>
        <translation>Der Tresor lehnt es für andere Namen ab. Nach {name} selbst wurde nicht gefragt: Das könnte es ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_beside.py"/>
        <source>A role that was taken away, or a new denial, takes the vault some minutes to learn of.</source>
        <translation>Von einer entzogenen Rolle oder einer neuen Ablehnung erfährt der Tresor erst nach einigen Minuten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_beside.py"/>
        <source>{role} on {scope}</source>
        <translation>{role} für {scope}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_beside.py"/>
        <source>{role}, which opens secrets, too</source>
        <translation>{role}, die auch Geheimnisse öffnet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Nothing that is asked for is missing on the vault {vault}, as far as can be tested.</source>
        <translation>Von dem, was verlangt wird, fehlt für den Tresor {vault} nichts, soweit es sich prüfen lässt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application may sign, but lacks {count} of the permissions asked for on the vault {vault}.</source>
        <translation>Die Anwendung darf signieren, aber von den verlangten Berechtigungen für den Tresor {vault} fehlen ihr {count}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application has no role on the vault {vault} that counts for keys and certificates.</source>
        <translation>Die Anwendung hat für den Tresor {vault} keine Rolle, die für Schlüssel und Zertifikate zählt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's roles manage the vault {vault}, but do not open what is in it.</source>
        <translation>Die Rollen der Anwendung verwalten den Tresor {vault}, öffnen aber nicht, was darin ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's role is for {name} alone, not for the vault {vault}.</source>
        <translation>Die Rolle der Anwendung gilt nur für {name}, nicht für den Tresor {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's role is on the vault {other}, not on the vault {vault}.</source>
        <translation>Die Rolle der Anwendung gilt für den Tresor {other}, nicht für den Tresor {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} does not yet know of a grant that is there.</source>
        <translation>Der Tresor {vault} kennt eine erteilte Berechtigung noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>A deny assignment forbids the application {action} on the vault {vault}.</source>
        <translation>Eine Ablehnungszuweisung verbietet der Anwendung {action} im Tresor {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's role on the vault {vault} has a condition that is not met.</source>
        <translation>Die Rolle der Anwendung für den Tresor {vault} hat eine Bedingung, die nicht erfüllt ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application has an access policy, but the vault {vault} goes by roles.</source>
        <translation>Die Anwendung hat eine Zugriffsrichtlinie, aber der Tresor {vault} richtet sich nach Rollen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application has roles, but the vault {vault} goes by access policies.</source>
        <translation>Die Anwendung hat Rollen, aber der Tresor {vault} richtet sich nach Zugriffsrichtlinien.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>No access policy of the vault {vault} counts for the application.</source>
        <translation>Keine Zugriffsrichtlinie des Tresors {vault} zählt für die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The access policy of the vault {vault} lacks the cryptographic operations, so nothing can be signed.</source>
        <translation>In der Zugriffsrichtlinie des Tresors {vault} fehlen die „Cryptographic Operations“; deshalb lässt sich nichts signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The access policy names {id}, which is {what}: the vault sees the application as {object_id}.</source>
        <translation>Die Zugriffsrichtlinie nennt {id}; das ist {what}. Der Tresor sieht die Anwendung als {object_id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The role {role} on the vault {vault} is for {id}, which is {what}, not for {object_id}.</source>
        <translation>Die Rolle {role} für den Tresor {vault} gilt für {id}; das ist {what}. Zählen würde {object_id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The access policy counts only for a person who uses the application {id}, not for the application.</source>
        <translation>Die Zugriffsrichtlinie zählt nur für eine Person, die die Anwendung {id} benutzt, nicht für die Anwendung selbst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application may do more in the vault {vault} than is asked for: {what}.</source>
        <translation>Die Anwendung darf im Tresor {vault} mehr, als verlangt wird: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Two answers contradict each other about {action}.</source>
        <translation>Zwei Antworten zu {action} widersprechen einander.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} saw {seen} as the caller, not {expected}.</source>
        <translation>Der Tresor {vault} sah als Aufrufer {seen}, nicht {expected}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} did not tell whether it goes by roles or by access policies.</source>
        <translation>Der Tresor {vault} hat nicht mitgeteilt, ob er sich nach Rollen oder nach Zugriffsrichtlinien richtet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} gave answers that do not tell whether a permission is there.</source>
        <translation>Der Tresor {vault} gab Antworten, aus denen nicht hervorgeht, ob eine Berechtigung vorhanden ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>To see which grants exist, look with an administrator's sign-in.</source>
        <translation>Um zu sehen, welche Berechtigungen erteilt sind, melden Sie sich als Administrator an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Wait up to ten minutes, and check again; nothing needs to be granted again.</source>
        <translation>Warten Sie bis zu zehn Minuten, und prüfen Sie erneut; es muss nichts noch einmal erteilt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Sign in as administrator on the page Permissions, or in a terminal (--as az and --as device-code work, too): `codesign-wizard permissions show --as browser`</source>
        <translation>Melden Sie sich auf der Seite „Berechtigungen“ als Administrator an, oder im Terminal (auch mit --as az oder --as device-code): `codesign-wizard permissions show --as browser`</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>A grant through a group, or on a management group, can take an hour and more.</source>
        <translation>Eine Berechtigung über eine Gruppe oder eine Verwaltungsgruppe kann eine Stunde und länger brauchen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>A token that was fetched before does not matter here: every check signs in anew.</source>
        <translation>Ein früher abgerufenes Token spielt hier keine Rolle: Jede Prüfung meldet sich neu an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It goes by access policies: roles do nothing on it.</source>
        <translation>Er richtet sich nach Zugriffsrichtlinien; Rollen bewirken bei ihm nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>An entry counts for the object ID {object_id} only, and not for the Application ID.</source>
        <translation>Ein Eintrag zählt nur für die Objekt-ID {object_id}, nicht für die Anwendungs-ID.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It has access policies for other principals: {ids}.</source>
        <translation>Er hat Zugriffsrichtlinien für andere Prinzipale: {ids}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>The application's own entry ticks nothing for keys and certificates.</source>
        <translation>Im eigenen Eintrag der Anwendung ist für Schlüssel und Zertifikate nichts angekreuzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>Or one was given some minutes ago, and the vault does not know of it yet. The vault goes by roles: access policies do nothing on it, and Owner or Contributor do not open it.</source>
        <translation>Oder eine wurde vor einigen Minuten erteilt, und der Tresor weiß noch nichts davon. Der Tresor richtet sich nach Rollen: Zugriffsrichtlinien bewirken bei ihm nichts, und „Owner“ oder „Contributor“ öffnen ihn nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It holds: {roles}. That opens neither keys nor certificates.</source>
        <translation>Sie hat: {roles}. Das öffnet weder Schlüssel noch Zertifikate.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>Its own rights, as Azure Resource Manager lists them, manage the vault only.</source>
        <translation>Ihre eigenen Rechte, wie Azure Resource Manager sie aufführt, verwalten nur den Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>The vault's access policies do nothing: it goes by roles.</source>
        <translation>Die Zugriffsrichtlinien des Tresors bewirken nichts, denn er richtet sich nach Rollen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>The role is held on: {scope}</source>
        <translation>Die Rolle gilt für: {scope}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It holds {role} on {scope}, to which the vault does not belong.</source>
        <translation>Sie hat {role} auf {scope}; dazu gehört der Tresor nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It holds: {roles}.</source>
        <translation>Sie hat: {roles}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>In the portal the right one stands under Enterprise applications, not App registrations.</source>
        <translation>Im Portal steht die richtige unter „Enterprise applications“, nicht unter „App registrations“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>the application (client) ID</source>
        <translation>die Anwendungs-ID (Client-ID)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>the object ID of the app registration</source>
        <translation>die Objekt-ID der App-Registrierung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>The field Application (optional) of the access policy must be left empty.</source>
        <translation>Das Feld „Application (optional)“ der Zugriffsrichtlinie muss leer bleiben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Azure role-based access control</source>
        <translation>Azure role-based access control</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Vault access policy</source>
        <translation>Vault access policy</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>{names} and {count} more</source>
        <translation>{names} und {count} weitere</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Only on a vault that nothing else uses: who was granted by the other model is locked out.</source>
        <translation>Nur bei einem Tresor, den sonst nichts benutzt: Wer seine Berechtigung über das andere Modell hat, wird ausgesperrt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Or change the vault's permission model to {model}: that takes all others' grants away.</source>
        <translation>Oder stellen Sie das Berechtigungsmodell des Tresors auf „{model}“ um: Das nimmt allen anderen ihre Berechtigungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Key vaults, {vault}, Access configuration, Permission model: {model}.</source>
        <translation>„Key vaults“, {vault}, „Access configuration“, „Permission model“: „{model}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>It ticks nothing for keys, as after choosing the template Certificate Management.</source>
        <translation>Für Schlüssel ist darin nichts angekreuzt, wie nach der Wahl der Vorlage „Certificate Management“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>What is ticked there counts for nothing, and nothing more needs to be ticked.</source>
        <translation>Was dort angehakt ist, zählt nicht, und es muss nichts weiter angehakt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Since when the application is in the group is not told.</source>
        <translation>Seit wann die Anwendung in der Gruppe ist, wird nicht mitgeteilt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Everything else is there, as after choosing the template Key, Secret &amp; Certificate Management.</source>
        <translation>Alles andere ist da, wie nach der Wahl der Vorlage „Key, Secret &amp; Certificate Management“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Nothing else is missing, as far as it can be tested; it is as after choosing the template Key, Secret &amp; Certificate Management.</source>
        <translation>Soweit es sich prüfen lässt, fehlt sonst nichts; es ist wie nach der Wahl der Vorlage „Key, Secret &amp; Certificate Management“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>The documentation's ticks for an access policy do not ask for them.</source>
        <translation>Die Häkchen, die die Dokumentation für eine Zugriffsrichtlinie nennt, verlangen sie nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>It is enough to sign with it. A certificate under another name could not be requested.</source>
        <translation>Zum Signieren damit genügt es. Ein Zertifikat unter einem anderen Namen könnte nicht angefordert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>The server's documentation asks for the roles on the vault.</source>
        <translation>Die Dokumentation des Servers verlangt die Rollen für den Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>What is missing belongs to the role {roles}: {names}</source>
        <translation>Was fehlt, gehört zur Rolle {roles}: {names}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Not ticked in the access policy: {names}</source>
        <translation>In der Zugriffsrichtlinie nicht angehakt: {names}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Azure Resource Manager lists data actions on it among the application's own rights.</source>
        <translation>Azure Resource Manager führt unter den eigenen Rechten der Anwendung Datenaktionen (data actions) für diesen Tresor auf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>It was assigned {time}.</source>
        <translation>Zugewiesen wurde sie {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>The role itself was changed {time}.</source>
        <translation>Die Rolle selbst wurde {time} geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{count} cannot be tested from here without changing something.</source>
        <translation>{count} lassen sich von hier aus nicht prüfen, ohne etwas zu ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{count} could not be tested this time, or cannot be from here.</source>
        <translation>{count} ließen sich diesmal nicht prüfen oder lassen es von hier aus nicht zu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{action} is refused. The condition: {condition}</source>
        <translation>{action} wird abgelehnt. Die Bedingung: {condition}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>Roles that do nothing here: {roles}.</source>
        <translation>Rollen, die hier nichts bewirken: {roles}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Assign the role without a condition, or with one that the server meets.</source>
        <translation>Weisen Sie die Rolle ohne Bedingung zu oder mit einer, die der Server erfüllt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{count} of them are likely there.</source>
        <translation>{count} davon sind wahrscheinlich da.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>So say the grants; the vault itself could not be asked.</source>
        <translation>So sagen es die erteilten Berechtigungen; den Tresor selbst zu fragen war nicht möglich.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>In the line of the application, column Condition: View/Edit.</source>
        <translation>In der Zeile der Anwendung, Spalte „Condition“: „View/Edit“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Key vaults, {vault}, Access control (IAM), Role assignments.</source>
        <translation>„Key vaults“, {vault}, „Access control (IAM)“, „Role assignments“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>Azure Resource Manager lists it among the application's own rights on the vault.</source>
        <translation>Azure Resource Manager führt es unter den eigenen Rechten der Anwendung für den Tresor auf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>Azure Resource Manager does not list it among the application's own rights on the vault.</source>
        <translation>Azure Resource Manager führt es nicht unter den eigenen Rechten der Anwendung für den Tresor auf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>The application's own rights hold it under a condition only, which is not judged.</source>
        <translation>Die eigenen Rechte der Anwendung enthalten es nur unter einer Bedingung, die nicht beurteilt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>could not be read</source>
        <translation>konnten nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The deny assignment {name} forbids it, whatever roles are held.</source>
        <translation>Die Ablehnungszuweisung {name} verbietet es, gleich welche Rollen vorhanden sind.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>A role holds it, but the deny assignment {name} may forbid it.</source>
        <translation>Eine Rolle enthält es, aber die Ablehnungszuweisung {name} verbietet es vielleicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>All of it is granted; what the vault still refuses, it may not know yet.</source>
        <translation>Alles ist erteilt; was der Tresor noch ablehnt, kennt er vielleicht noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>keys: {keys}; certificates: {certificates}</source>
        <translation>Schlüssel: {keys}; Zertifikate: {certificates}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>service principal {object_id}</source>
        <translation>Dienstprinzipal {object_id}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>On this vault only, and on nothing else of the subscription.</source>
        <translation>Nur für diesen Tresor und für nichts sonst im Abonnement.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>the role is not held here</source>
        <translation>die Rolle ist hier nicht erteilt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>nobody yet</source>
        <translation>noch niemand</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>no such role</source>
        <translation>keine solche Rolle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>a role that can be assigned in this subscription</source>
        <translation>eine Rolle, die in diesem Abonnement zugewiesen werden kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>To</source>
        <translation>An</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>On</source>
        <translation>Für</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Then</source>
        <translation>Danach</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>service principal {object_id} (application {application})</source>
        <translation>Dienstprinzipal {object_id} (Anwendung {application})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Before</source>
        <translation>Vorher</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Now</source>
        <translation>Jetzt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Give the role {role} on the vault {vault}.</source>
        <translation>Rolle erteilen: „{role}“ für {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>the role {role} on the vault</source>
        <translation>die Rolle „{role}“ für den Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Make the role {role} with data actions ({count}).</source>
        <translation>Die Rolle {role} mit Datenaktionen ({count}) erstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Tick 1 permission in the access policy of the vault {vault}.</source>
        <translation>1 Berechtigung in der Zugriffsrichtlinie des Tresors {vault} anhaken.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Tick {count} permissions in the access policy of the vault {vault}.</source>
        <translation>{count} Berechtigungen in der Zugriffsrichtlinie des Tresors {vault} anhaken.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>The deny assignment {name} may stand against it; no grant overrides that.</source>
        <translation>Die Ablehnungszuweisung {name} steht dem vielleicht entgegen; keine Berechtigung setzt sich darüber hinweg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault refused it for lack of this permission.</source>
        <translation>Der Tresor hat abgelehnt, weil diese Berechtigung fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault let the request through, and refused it for the state of the key.</source>
        <translation>Der Tresor ließ die Anfrage durch und lehnte sie wegen des Zustands des Schlüssels ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault looked at the content of the request, so it probably let it through.</source>
        <translation>Der Tresor hat sich den Inhalt der Anfrage angesehen; wahrscheinlich ließ er sie also durch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault's network rules refused; permissions were not looked at.</source>
        <translation>Die Netzwerkregeln des Tresors haben abgelehnt; Berechtigungen wurden nicht geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault did not accept the token; permissions were not looked at.</source>
        <translation>Der Tresor hat das Token nicht akzeptiert; Berechtigungen wurden nicht geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault had no time for the question: too many requests.</source>
        <translation>Der Tresor hatte für die Frage keine Zeit: zu viele Anfragen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The service behind the vault has a fault: {words}</source>
        <translation>Der Dienst hinter dem Tresor hat eine Störung: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The answer does not tell: {words}</source>
        <translation>Aus der Antwort geht es nicht hervor: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>The vault carried the request out.</source>
        <translation>Der Tresor hat die Anfrage ausgeführt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault answered that there is no such name, so it had let the request through.</source>
        <translation>Der Tresor hat geantwortet, dass es diesen Namen nicht gibt; er hatte die Anfrage also durchgelassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>No answer came: {words}</source>
        <translation>Es kam keine Antwort: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>Not asked any more: {words}</source>
        <translation>Nicht mehr gefragt: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault answered that there is no such name; it probably let the request through.</source>
        <translation>Der Tresor hat geantwortet, dass es diesen Namen nicht gibt; wahrscheinlich ließ er die Anfrage durch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>A deny assignment forbids it.</source>
        <translation>Eine Ablehnungszuweisung verbietet es.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probing.py"/>
        <source>Asking the vault about each permission</source>
        <translation>Jede Berechtigung wird geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Review + create.</source>
        <translation>„Review + create“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>As documented: tick the {count} permissions in the vault's access policy.</source>
        <translation>Wie dokumentiert: Haken Sie die {count} Berechtigungen in der Zugriffsrichtlinie des Tresors an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Least privilege ({purpose}): tick permissions in the vault's access policy ({count}).</source>
        <translation>So wenig Rechte wie möglich ({purpose}): Haken Sie Berechtigungen in der Zugriffsrichtlinie des Tresors an ({count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Review + assign, twice.</source>
        <translation>„Review + assign“, zweimal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Wait up to ten minutes, and check again.</source>
        <translation>Warten Sie bis zu zehn Minuten, und prüfen Sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>az and PowerShell set these ticks in place of those that are there now: Delete, Purge and the like would go. The portal leaves them.</source>
        <translation>az und PowerShell setzen diese Häkchen anstelle der jetzigen: „Delete“, „Purge“ und Ähnliches gingen verloren. Das Portal lässt sie stehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Subscriptions, {subscription}, Access control (IAM), Add, Add custom role.</source>
        <translation>„Subscriptions“, {subscription}, „Access control (IAM)“, „Add“, „Add custom role“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Name: {role}. Baseline: Start from scratch. Tab JSON, Edit: replace dataActions; Save.</source>
        <translation>„Name“: {role}. „Baseline“: „Start from scratch“. Reiter „JSON“, „Edit“: Ersetzen Sie dataActions; „Save“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>dataActions: {actions}</source>
        <translation>dataActions: {actions}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>{group}: {labels}.</source>
        <translation>{group}: {labels}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>No command for this: it would take the ticks away that cannot be seen from here. With an administrator's sign-in there is one.</source>
        <translation>Dafür gibt es keinen Befehl: Er würde Häkchen entfernen, die von hier nicht zu sehen sind. Mit der Anmeldung eines Administrators gibt es einen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>What is ticked already stays as it is. A template does not tick cryptographic operations.</source>
        <translation>Was schon angehakt ist, bleibt, wie es ist. Eine Vorlage hakt „Cryptographic Operations“ nicht an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Review + create, Create (or Save).</source>
        <translation>„Review + create“, „Create“ (oder „Save“).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Key vaults, {vault}, Access control (IAM), Add, Add role assignment.</source>
        <translation>„Key vaults“, {vault}, „Access control (IAM)“, „Add“, „Add role assignment“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Role: search for {role}, choose it, Next.</source>
        <translation>„Role“: Suchen Sie nach „{role}“, wählen Sie die Rolle, „Next“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Members: User, group, or service principal; Select members: search for the application by its name (Application ID {application}), Select.</source>
        <translation>„Members“: „User, group, or service principal“; „Select members“: Suchen Sie die Anwendung nach ihrem Namen (Anwendungs-ID {application}), „Select“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>The same again with the role {role}.</source>
        <translation>Noch einmal dasselbe mit der Rolle „{role}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>As documented: give the application {roles} on the vault.</source>
        <translation>Wie dokumentiert: Geben Sie der Anwendung {roles} für den Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>In the commands replace {placeholder} by the ID of the vault's subscription.</source>
        <translation>Ersetzen Sie in den Befehlen {placeholder} durch die ID des Abonnements, zu dem der Tresor gehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Least privilege ({purpose}): a role of your own with data actions ({count}).</source>
        <translation>So wenig Rechte wie möglich ({purpose}): eine eigene Rolle mit Datenaktionen ({count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Key vaults, {vault}, Access policies: choose the application and Edit, or Create.</source>
        <translation>„Key vaults“, {vault}, „Access policies“: Wählen Sie die Anwendung und dann „Edit“ oder, wenn sie fehlt, „Create“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Principal: search for {application}. Application (optional): leave it empty.</source>
        <translation>„Principal“: Suchen Sie nach {application}. „Application (optional)“: Lassen Sie das Feld leer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Granted</source>
        <translation>Erteilt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Missing</source>
        <translation>Fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Likely granted</source>
        <translation>Wohl erteilt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Not testable from here</source>
        <translation>Von hier nicht prüfbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Nothing is missing as far as can be tested.</source>
        <translation>Es fehlt nichts, soweit es sich prüfen lässt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may do all that is needed.</source>
        <translation>Die Anwendung darf alles, was nötig ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may sign, and nothing is missing as far as can be tested.</source>
        <translation>Die Anwendung darf signieren, und es fehlt nichts, soweit es sich prüfen lässt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may sign, but not do all that is asked for.</source>
        <translation>Die Anwendung darf signieren, aber nicht alles, was verlangt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may not do all that is asked for.</source>
        <translation>Die Anwendung darf nicht alles, was verlangt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>The application secret ends on {date}, {left}.</source>
        <translation>Das Clientgeheimnis läuft am {date} ab, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>The application secret ended on {date}.</source>
        <translation>Das Clientgeheimnis ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>When the application secret ends could not be read.</source>
        <translation>Wann das Clientgeheimnis abläuft, ließ sich nicht lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>The registration has no secret.</source>
        <translation>Die Registrierung hat kein Geheimnis.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Secret ID</source>
        <translation>Secret ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Ends</source>
        <translation>Läuft ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Make the next secret, and put its value in here and at the server.</source>
        <translation>Erstellen Sie das nächste Geheimnis, und tragen Sie seinen „Value“ hier und beim Server ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Look it up, and type it in on Summary.</source>
        <translation>Sehen Sie es nach, und geben Sie es unter „Zusammenfassung“ ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>None of the registration's secrets tells it; it has {n}.</source>
        <translation>An keinem der Geheimnisse der Registrierung ist es abzulesen; sie hat {n}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Microsoft Entra ID, App registrations, the application, Certificates &amp; secrets.</source>
        <translation>„Microsoft Entra ID“, „App registrations“, die Anwendung, „Certificates &amp; secrets“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>New client secret; copy its Value at once, it is shown only then.</source>
        <translation>„New client secret“; kopieren Sie „Value“ sofort, er wird nur dann angezeigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>App registrations, the application, Certificates &amp; secrets: the column Expires.</source>
        <translation>„App registrations“, die Anwendung, „Certificates &amp; secrets“: die Spalte „Expires“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>The secret begins as one of the application {name} ({other}) does, and as none of {application}.</source>
        <translation>Das Geheimnis beginnt wie eines der Anwendung {name} ({other}) und wie keines von {application}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>None of the secrets of the application {application} begins as the one given.</source>
        <translation>Keines der Geheimnisse der Anwendung {application} beginnt wie das angegebene.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>A secret of the application {application} begins as the one given: that is cut short or mistyped.</source>
        <translation>Ein Geheimnis der Anwendung {application} beginnt wie das angegebene; dieses ist abgeschnitten oder vertippt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>{given} is an object ID of the application {name}; its Application ID is {application}.</source>
        <translation>{given} ist eine Objekt-ID der Anwendung {name}; ihre Anwendungs-ID ist {application}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>It has none.</source>
        <translation>Sie hat keines.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>It has {n}; the Value of one is shown only when it is made.</source>
        <translation>Sie hat {n}; der Wert eines Geheimnisses wird nur beim Anlegen angezeigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/proof.py"/>
        <source>The signature was thrown away; the vault's audit log holds the request.</source>
        <translation>Die Signatur wurde verworfen; im Audit-Protokoll des Tresors steht die Anfrage.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Microsoft Entra ID, App registrations, New registration: any name; the other settings stay as they are.</source>
        <translation>„Microsoft Entra ID“, „App registrations“, „New registration“: ein beliebiger Name; die anderen Einstellungen bleiben, wie sie sind.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Its Overview shows Application (client) ID and Directory (tenant) ID: copy both.</source>
        <translation>„Overview“ zeigt „Application (client) ID“ und „Directory (tenant) ID“: Kopieren Sie beide.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Certificates &amp; secrets, Client secrets, New client secret: copy its Value now; it is not shown again. Secret ID is not what is needed.</source>
        <translation>„Certificates &amp; secrets“, „Client secrets“, „New client secret“: Kopieren Sie jetzt den „Value“; er wird nicht noch einmal angezeigt. Die „Secret ID“ ist nicht das, was gebraucht wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>The vault, Access control (IAM), Add, Add role assignment: Key Vault Certificates Officer, and again Key Vault Crypto Officer; Members: search for the application by its name.</source>
        <translation>Der Tresor, „Access control (IAM)“, „Add“, „Add role assignment“: „Key Vault Certificates Officer“, und noch einmal „Key Vault Crypto Officer“; „Members“: Suchen Sie die Anwendung nach ihrem Namen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>A grant takes up to ten minutes to work.</source>
        <translation>Eine erteilte Berechtigung braucht bis zu zehn Minuten, bis sie wirkt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>An administrator of the Azure subscription does this once; about 10 minutes.</source>
        <translation>Ein Administrator des Azure-Abonnements tut dies einmal; etwa 10 Minuten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Key vaults, Create: a resource group, the name {vault}, pricing tier Premium (only it keeps keys in an HSM). Access configuration: Azure role-based access control.</source>
        <translation>„Key vaults“, „Create“: eine Ressourcengruppe, der Name {vault}, „Pricing tier“: „Premium“ (nur damit liegen Schlüssel in einem HSM). „Access configuration“: „Azure role-based access control“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>The certificate itself ({certificate}) is made later, with the signing request.</source>
        <translation>Das Zertifikat selbst ({certificate}) entsteht später, mit der Zertifikatanforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>&lt;your vault's name&gt;</source>
        <translation>&lt;Name Ihres Tresors&gt;</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>it is of an unknown kind</source>
        <translation>Er ist von unbekannter Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>its curve is {curve}</source>
        <translation>seine Kurve ist {curve}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>Another certificate may have been merged into the key's place.</source>
        <translation>Vielleicht wurde ein anderes Zertifikat an der Stelle des Schlüssels zusammengeführt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>Make a new signing request in the vault, and merge the answer to it.</source>
        <translation>Erstellen Sie im Tresor eine neue Zertifikatanforderung, und führen Sie die Antwort damit zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>Sign with {digest}.</source>
        <translation>Signieren Sie mit {digest}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probing.py"/>
        <source>The vault throttles; trying again in {seconds} s</source>
        <translation>Der Tresor drosselt; neuer Versuch in {seconds} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probing.py"/>
        <source>The vault cannot check the token; trying again in {seconds} s</source>
        <translation>Der Tresor kann das Token nicht prüfen; neuer Versuch in {seconds} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>{certificate} in the vault {vault}, version {version}</source>
        <translation>{certificate} im Tresor {vault}, Version {version}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>what it calls the key of the certificate is none of its own</source>
        <translation>was er als Schlüssel des Zertifikats angibt, ist keiner der eigenen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>what it gave is no X.509 certificate</source>
        <translation>Was er lieferte, ist kein X.509-Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin.py"/>
        <source>an object ID that the token does not tell</source>
        <translation>eine Objekt-ID, die das Token nicht nennt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Signed in: the vault sees the application as {object_id}.</source>
        <translation>Angemeldet: Der Tresor sieht die Anwendung als {object_id}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application secret is wrong.</source>
        <translation>Das Clientgeheimnis ist falsch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The Secret ID was given in place of the secret's Value.</source>
        <translation>Die „Secret ID“ wurde anstelle des „Value“ des Geheimnisses angegeben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The tenant has no application with the Application ID {application}.</source>
        <translation>Im Mandanten gibt es keine Anwendung mit der Anwendungs-ID {application}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application {application} is disabled.</source>
        <translation>Die Anwendung {application} ist deaktiviert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application {application} has no service principal in the tenant.</source>
        <translation>Die Anwendung {application} hat im Mandanten keinen Dienstprinzipal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>There is no tenant {tenant}.</source>
        <translation>Es gibt keinen Mandanten {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault {vault} belongs to another tenant than the one given.</source>
        <translation>Der Tresor {vault} gehört zu einem anderen Mandanten als dem angegebenen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The tenant {tenant} does not know Key Vault.</source>
        <translation>Der Mandant {tenant} kennt Key Vault nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Something that signing in needs was empty.</source>
        <translation>Etwas, das für die Anmeldung gebraucht wird, war leer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Entra ID cannot serve the sign-in at the moment (HTTP {status}).</source>
        <translation>Entra ID kann die Anmeldung im Moment nicht bearbeiten (HTTP {status}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Entra ID refused the sign-in: {words}</source>
        <translation>Entra ID hat die Anmeldung abgelehnt: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Make a new secret, and give its Value here and in the server's form.</source>
        <translation>Erstellen Sie ein neues Geheimnis, und geben Sie seinen „Value“ hier und im Formular des Servers ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Copy the Application (client) ID from the registration's Overview page.</source>
        <translation>Kopieren Sie „Application (client) ID“ von der Seite „Overview“ der Registrierung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Enable the enterprise application for sign-in.</source>
        <translation>Aktivieren Sie die Unternehmensanwendung (enterprise application) für die Anmeldung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Make the service principal.</source>
        <translation>Erstellen Sie den Dienstprinzipal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Copy the Directory (tenant) ID, and check the Azure cloud.</source>
        <translation>Kopieren Sie „Directory (tenant) ID“, und prüfen Sie die Azure-Cloud.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Ask the tenant's administrator to exclude the application, or to allow its addresses.</source>
        <translation>Bitten Sie den Administrator des Mandanten, die Anwendung auszunehmen oder ihre Adressen zuzulassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault belongs to the tenant {tenant}: most probably that is the one.</source>
        <translation>Der Tresor gehört zum Mandanten {tenant}: Höchstwahrscheinlich ist das der richtige.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Certificates &amp; secrets, Client secrets, New client secret.</source>
        <translation>„Certificates &amp; secrets“, „Client secrets“, „New client secret“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Copy the column Value at once: it is never shown again. Secret ID is not what is needed.</source>
        <translation>Kopieren Sie die Spalte „Value“ sofort: Sie wird nie wieder angezeigt. Die „Secret ID“ ist nicht das, was gebraucht wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, App registrations, All applications: choose the application.</source>
        <translation>„Microsoft Entra ID“, „App registrations“, „All applications“: Wählen Sie die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Overview: copy Application (client) ID. Object ID is not what is needed.</source>
        <translation>„Overview“: Kopieren Sie „Application (client) ID“. Die „Object ID“ ist nicht das, was gebraucht wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Compare Directory (tenant) ID with the Tenant ID given here.</source>
        <translation>Vergleichen Sie „Directory (tenant) ID“ mit der hier angegebenen Mandanten-ID.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, Enterprise applications, All applications: choose the application.</source>
        <translation>„Microsoft Entra ID“, „Enterprise applications“, „All applications“: Wählen Sie die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Properties: set Enabled for users to sign-in to Yes, and save.</source>
        <translation>„Properties“: Setzen Sie „Enabled for users to sign-in“ auf „Yes“, und speichern Sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, App registrations: choose the application.</source>
        <translation>„Microsoft Entra ID“, „App registrations“: Wählen Sie die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Overview: choose Create Service Principal beside Managed application in local directory.</source>
        <translation>„Overview“: Wählen Sie „Create Service Principal“ neben „Managed application in local directory“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, Overview: copy Tenant ID.</source>
        <translation>„Microsoft Entra ID“, „Overview“: Kopieren Sie „Tenant ID“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>A tenant of Azure US Government or Azure China is found only in its own cloud.</source>
        <translation>Ein Mandant von Azure US Government oder Azure China ist nur in seiner eigenen Cloud zu finden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, Sign-in logs, Service principal sign-ins: find the failed one.</source>
        <translation>„Microsoft Entra ID“, „Sign-in logs“, „Service principal sign-ins“: Suchen Sie die fehlgeschlagene Anmeldung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Its tab Conditional Access names the policy.</source>
        <translation>Auf dem Reiter „Conditional Access“ steht die Richtlinie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Conditional Access: exclude the workload identity, or add the address as a location.</source>
        <translation>„Conditional Access“: Nehmen Sie die Workload-Identität aus, oder fügen Sie die Adresse als Standort hinzu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The Value is in the column beside it, and is shown only when the secret is made.</source>
        <translation>Der „Value“ steht in der Spalte daneben und wird nur beim Erstellen des Geheimnisses angezeigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>It may have been replaced, cut short in copying, or be another application's.</source>
        <translation>Es wurde vielleicht ersetzt, beim Kopieren abgeschnitten oder gehört zu einer anderen Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>An Object ID was often taken: the registration's, or the enterprise application's.</source>
        <translation>Oft wurde eine „Object ID“ genommen: die der Registrierung oder die der Unternehmensanwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>az ad app create makes the registration only.</source>
        <translation>az ad app create erstellt nur die Registrierung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The server signs in from its own address, so it may be let in where this is not.</source>
        <translation>Der Server meldet sich von seiner eigenen Adresse an; er wird vielleicht zugelassen, wo dieser Computer es nicht wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault's tenant is {vault}; the one given is {given}.</source>
        <translation>Der Mandant des Tresors ist {vault}; angegeben ist {given}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Check the Azure cloud: {cloud} is chosen.</source>
        <translation>Prüfen Sie die Azure-Cloud: Gewählt ist {cloud}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Use an application of the vault's tenant.</source>
        <translation>Verwenden Sie eine Anwendung aus dem Mandanten des Tresors.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Or check that the vault's name is the one that is meant.</source>
        <translation>Oder prüfen Sie, ob der Name des Tresors der gemeinte ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault's address ends in {suffix}?</source>
        <translation>Endet die Adresse des Tresors auf {suffix}?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Try again in a few minutes.</source>
        <translation>Versuchen Sie es in einigen Minuten erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Read what Microsoft says about this number.</source>
        <translation>Lesen Sie, was Microsoft zu dieser Nummer sagt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>App registrations, All applications: if the application is there, only the Tenant ID was another's.</source>
        <translation>„App registrations“, „All applications“: Ist die Anwendung dort, war nur die Mandanten-ID die eines anderen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Else New registration; then Certificates &amp; secrets, New client secret.</source>
        <translation>Sonst „New registration“; dann „Certificates &amp; secrets“, „New client secret“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Its Application ID, its secret's Value and this Tenant ID go here and to the server.</source>
        <translation>Deren Anwendungs-ID, der „Value“ ihres Geheimnisses und diese Mandanten-ID gehören hierher und auf den Server.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Fill in all five options.</source>
        <translation>Füllen Sie alle fünf Angaben aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The gear at the top, Directories + subscriptions: switch to {tenant}.</source>
        <translation>Das Zahnrad oben, „Directories + subscriptions“: Wechseln Sie zu {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} exists; its tenant is {tenant}.</source>
        <translation>Der Tresor {vault} ist vorhanden; sein Mandant ist {tenant}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>There is no vault {vault}.</source>
        <translation>Es gibt keinen Tresor {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The firewall of the vault {vault} does not let this computer in.</source>
        <translation>Die Firewall des Tresors {vault} lässt diesen Computer nicht durch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} can be reached through a private endpoint only.</source>
        <translation>Der Tresor {vault} ist nur über einen privaten Endpunkt erreichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} refuses for the moment: too many requests.</source>
        <translation>Der Tresor {vault} lehnt im Moment ab: zu viele Anfragen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} is unavailable (HTTP {status}).</source>
        <translation>Der Tresor {vault} ist nicht verfügbar (HTTP {status}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>What answers at {host} does not speak as a vault does (HTTP {status}).</source>
        <translation>Unter {host} antwortet etwas, das sich nicht wie ein Tresor verhält (HTTP {status}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} does not accept Entra ID's token.</source>
        <translation>Der Tresor {vault} akzeptiert das Token von Entra ID nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The application lacks the permission {action} on the vault {vault}.</source>
        <translation>Der Anwendung fehlt die Berechtigung {action} für den Tresor {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} has no certificate {name}.</source>
        <translation>Im Tresor {vault} gibt es kein Zertifikat {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name} is still a signing request.</source>
        <translation>Das Zertifikat {name} ist noch eine Zertifikatanforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The name {name} is in the vault, but without a certificate, and no signing request waits for one.</source>
        <translation>Der Name {name} ist im Tresor vorhanden, aber ohne Zertifikat, und keine Zertifikatanforderung wartet auf eines.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name}, or its key, is disabled.</source>
        <translation>Das Zertifikat {name} oder sein Schlüssel ist deaktiviert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name} has expired.</source>
        <translation>Das Zertifikat {name} ist abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name} is not valid yet.</source>
        <translation>Das Zertifikat {name} ist noch nicht gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The key of the certificate {name} may not be used to sign.</source>
        <translation>Der Schlüssel des Zertifikats {name} darf nicht zum Signieren verwendet werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} refused: {words}</source>
        <translation>Der Tresor {vault} hat abgelehnt: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The key of the certificate {name} cannot sign programs: {kind}.</source>
        <translation>Der Schlüssel des Zertifikats {name} kann keine Programme signieren: {kind}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault signs with the key of {name}, and the signature is good.</source>
        <translation>Der Tresor signiert mit dem Schlüssel von {name}, und die Signatur ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The signature that the vault made does not fit the certificate {name}.</source>
        <translation>Die Signatur, die der Tresor erstellt hat, passt nicht zum Zertifikat {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The key of {name} signs {possible} digests only, not {digest}.</source>
        <translation>Der Schlüssel von {name} signiert nur {possible}-Hashes, nicht {digest}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Let this computer and the Comet Server in. In the commands, put their public addresses in place of ADDRESS and SERVER-ADDRESS.</source>
        <translation>Lassen Sie diesen Computer und den Comet Server zu. In den Befehlen setzen Sie für ADDRESS und SERVER-ADDRESS ihre öffentlichen Adressen ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Let this computer and the Comet Server in. In the commands, put the server's public address in place of SERVER-ADDRESS.</source>
        <translation>Lassen Sie diesen Computer und den Comet Server zu. In den Befehlen setzen Sie für SERVER-ADDRESS die öffentliche Adresse des Servers ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Allow public access from selected networks, and add this computer and the Comet Server. In the commands, put their public addresses in place of ADDRESS and SERVER-ADDRESS.</source>
        <translation>Erlauben Sie öffentlichen Zugriff aus ausgewählten Netzwerken, und fügen Sie diesen Computer und den Comet Server hinzu. In den Befehlen setzen Sie für ADDRESS und SERVER-ADDRESS ihre öffentlichen Adressen ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Or run the wizard and the server inside the network of the private endpoint.</source>
        <translation>Oder führen Sie den Assistenten und den Server im Netz des privaten Endpunkts aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Copy the vault's name from the portal, and check the Azure cloud.</source>
        <translation>Kopieren Sie den Namen des Tresors aus dem Portal, und prüfen Sie die Azure-Cloud.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Make a new signing request under the same name: csr create, or the page Certificate.</source>
        <translation>Erstellen Sie unter demselben Namen eine neue Zertifikatanforderung: csr create oder die Seite „Zertifikat“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Make a new signing request in the vault, and have the CA issue a certificate.</source>
        <translation>Erstellen Sie im Tresor eine neue Zertifikatanforderung, und lassen Sie die CA ein Zertifikat ausstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Add on a line of its own the public address from which the Comet Server calls; Apply.</source>
        <translation>Fügen Sie in einer eigenen Zeile die öffentliche Adresse hinzu, von der aus der Comet Server zugreift; „Apply“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Allow public access from specific virtual networks and IP addresses; add the public addresses of this computer and of the Comet Server, each on a line of its own.</source>
        <translation>„Allow public access from specific virtual networks and IP addresses“; fügen Sie die öffentlichen Adressen dieses Computers und des Comet Servers hinzu, jede in einer eigenen Zeile.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults: the list shows every vault you may see, in all subscriptions chosen.</source>
        <translation>„Key vaults“: Die Liste zeigt jeden Tresor, den Sie sehen dürfen, in allen gewählten Abonnements.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>A deleted vault is under Manage deleted vaults, and can be recovered.</source>
        <translation>Ein gelöschter Tresor steht unter „Manage deleted vaults“ und kann wiederhergestellt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Copy the certificate's name from the vault.</source>
        <translation>Kopieren Sie den Namen des Zertifikats aus dem Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>A deleted one is under Manage deleted certificates, and can be recovered.</source>
        <translation>Ein gelöschtes steht unter „Manage deleted certificates“ und kann wiederhergestellt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Enable the certificate's version.</source>
        <translation>Aktivieren Sie die Version des Zertifikats.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Merge the CA's certificate into the request, once the CA has sent it.</source>
        <translation>Führen Sie das Zertifikat der CA mit der Anforderung zusammen, sobald die CA es geschickt hat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Merge Signed Request: choose the CA's file.</source>
        <translation>„Merge Signed Request“: Wählen Sie die Datei der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Networking, Firewalls and virtual networks.</source>
        <translation>„Key vaults“, {vault}, „Networking“, „Firewalls and virtual networks“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Under Firewall, IP address or CIDR, add {address}.</source>
        <translation>Fügen Sie unter „Firewall“, „IP address or CIDR“ {address} hinzu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Networking.</source>
        <translation>„Key vaults“, {vault}, „Networking“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Overview, Vault URI: it ends in {suffix} if the cloud is right.</source>
        <translation>„Overview“, „Vault URI“: Die Adresse endet auf {suffix}, wenn die Cloud stimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Certificates: the first column is the name.</source>
        <translation>„Key vaults“, {vault}, „Certificates“: Die erste Spalte ist der Name.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Ask your network people whether a proxy or a gateway answers for {host}.</source>
        <translation>Fragen Sie Ihre Netzwerkabteilung, ob ein Proxy oder ein Gateway für {host} antwortet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>this computer's public address</source>
        <translation>die öffentliche Adresse dieses Computers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Whether it can sign</source>
        <translation>Ob es signieren kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>It is enabled and within its time, and its key may sign.</source>
        <translation>Es ist aktiviert und zurzeit gültig, und sein Schlüssel darf signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Its key</source>
        <translation>Sein Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>RSA of at least 3072 bits, made in the vault's hardware, which it never leaves.</source>
        <translation>RSA mit mindestens 3072 Bit, in der Hardware des Tresors erzeugt, die er nie verlässt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>What it is for</source>
        <translation>Wofür es ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Code signing, with a complete chain to its CA, and not revoked.</source>
        <translation>Codesignatur, mit vollständiger Kette bis zu seiner CA, und nicht widerrufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>How long it lasts</source>
        <translation>Wie lange es gilt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>A certificate</source>
        <translation>Ein Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Use it, or ask for its next version while it keeps signing.</source>
        <translation>Verwenden Sie es, oder fordern Sie die nächste Version an, während es weiter signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>A request that waits</source>
        <translation>Eine wartende Anforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Give the CA's answer in: it is checked, then merged.</source>
        <translation>Geben Sie die Antwort der CA ab: Sie wird geprüft und dann zusammengeführt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Nothing of this name</source>
        <translation>Nichts unter diesem Namen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Write a signing request, or give another name.</source>
        <translation>Schreiben Sie eine Zertifikatanforderung, oder geben Sie einen anderen Namen an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Until when it is valid; {n} days before its end it is time to renew.</source>
        <translation>Bis wann es gültig ist; {n} Tage vor dem Ende ist es Zeit zum Erneuern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Nothing was given: choose the files that the CA sent, or paste its text.</source>
        <translation>Es wurde nichts übergeben: Wählen Sie die Dateien, die die CA geschickt hat, oder fügen Sie deren Text ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is empty.</source>
        <translation>{file} ist leer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is far too large to be a certificate.</source>
        <translation>{file} ist viel zu groß für ein Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is a web page, not a certificate.</source>
        <translation>{file} ist eine Webseite, kein Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is a .pfx file, locked by a password: the vault needs the certificate alone, without a key.</source>
        <translation>{file} ist eine .pfx-Datei, mit einem Passwort gesperrt: Der Tresor braucht nur das Zertifikat, ohne Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is the signing request itself, not the CA's answer to it.</source>
        <translation>{file} ist die Zertifikatanforderung selbst, nicht die Antwort der CA darauf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} holds a private key! It was not used and is forgotten here: find out who made it, and delete it.</source>
        <translation>{file} enthält einen privaten Schlüssel! Er wurde nicht verwendet und wird hier nicht aufbewahrt: Finden Sie heraus, wer ihn erstellt hat, und löschen Sie ihn.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is an archive locked by a password: unpack it first.</source>
        <translation>{file} ist ein mit Passwort gesperrtes Archiv: Entpacken Sie es zuerst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} is damaged: {why}.</source>
        <translation>{file} ist beschädigt: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>There is no certificate in {file}: {what}.</source>
        <translation>{file} enthält kein Zertifikat: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Only certificates of the CA itself are here ({names}), not the one for your request.</source>
        <translation>Hier sind nur Zertifikate der CA selbst ({names}), nicht das für Ihre Anforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} answers another request of this vault: {request}.</source>
        <translation>Das Zertifikat von {name} beantwortet eine andere Anforderung dieses Tresors: {request}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} was made for another key than the one that waits in the vault.</source>
        <translation>Das Zertifikat von {name} wurde für einen anderen Schlüssel ausgestellt als den, der im Tresor wartet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>No request in the vault waits for the certificate of {name}.</source>
        <translation>Im Tresor wartet keine Anforderung auf das Zertifikat von {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is for web servers ({purposes}), not for code signing.</source>
        <translation>Das Zertifikat von {name} ist für Webserver ({purposes}), nicht für die Codesignatur.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is not for code signing, but for {purposes}.</source>
        <translation>Das Zertifikat von {name} ist nicht für die Codesignatur, sondern für: {purposes}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} may not be used for digital signatures.</source>
        <translation>Das Zertifikat von {name} darf nicht für digitale Signaturen verwendet werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is a CA's, which may not sign programs.</source>
        <translation>Das Zertifikat von {name} gehört einer CA und darf keine Programme signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The key of {name} is too small: {key}, and code signing needs 3072 bits.</source>
        <translation>Der Schlüssel von {name} ist zu klein: {key}; die Codesignatur braucht 3072 Bit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The key of {name} is {key}, which Windows does not accept for programs.</source>
        <translation>Der Schlüssel von {name} ist {key}; das akzeptiert Windows für Programme nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is signed with {digest}, which Windows no longer accepts.</source>
        <translation>Das Zertifikat von {name} ist mit {digest} signiert; das akzeptiert Windows nicht mehr.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} vouches only for itself: no CA has signed it.</source>
        <translation>Das Zertifikat von {name} bürgt nur für sich selbst: Keine CA hat es signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{count} certificates fit the request; the one of {date} is taken.</source>
        <translation>{count} Zertifikate passen zur Anforderung; das vom {date} wird genommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The chain is whole: {count} certificates up to {root}, which Windows trusts for code signing.</source>
        <translation>Die Kette ist vollständig: {count} Zertifikate, zuoberst {root}; diesem Stammzertifikat vertraut Windows für die Codesignatur.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The chain of {count} ends in {root}, which counts only because it was added in the settings.</source>
        <translation>Die Kette aus {count} Zertifikaten endet in {root}; das zählt nur, weil es in den Einstellungen hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of the issuer {issuer} is missing and could not be fetched.</source>
        <translation>Das Zertifikat des Ausstellers {issuer} fehlt und konnte nicht abgerufen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Windows will not trust programs signed with it: {why}.</source>
        <translation>Windows wird damit signierten Programmen nicht vertrauen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name}, from {issuer}, fits the request.</source>
        <translation>Das Zertifikat von {name}, ausgestellt von {issuer}, passt zur Anforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Do not use that key.</source>
        <translation>Verwenden Sie diesen Schlüssel nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Download the certificate again from the CA, with its chain.</source>
        <translation>Laden Sie das Zertifikat mit seiner Kette noch einmal bei der CA herunter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Send the CA the request that waits in the vault, and ask it to issue again for that. CAs call it a reissue or rekey; it costs nothing as a rule.</source>
        <translation>Schicken Sie der CA die Anforderung, die im Tresor wartet, und bitten Sie sie, das Zertifikat dafür neu auszustellen. CAs nennen das Reissue oder Rekey; es kostet in der Regel nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Order a code-signing certificate, and have the CA issue it for this request.</source>
        <translation>Bestellen Sie ein Codesignaturzertifikat, und lassen Sie es von der CA für diese Anforderung ausstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Drop the request, and make one with an RSA key of 4096 bits.</source>
        <translation>Verwerfen Sie die Anforderung, und erstellen Sie eine mit einem RSA-Schlüssel von 4096 Bit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Download the CA's intermediate certificate, and give both files together.</source>
        <translation>Laden Sie das Zwischenzertifikat der CA herunter, und übergeben Sie beide Dateien zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Ask the CA for a code-signing certificate under a root that Windows trusts.</source>
        <translation>Bitten Sie die CA um ein Codesignaturzertifikat unter einem Stammzertifikat, dem Windows vertraut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>If the CA sent it, the CA knows the key: have that certificate revoked and issued anew.</source>
        <translation>Wenn die CA ihn geschickt hat, kennt sie den Schlüssel: Lassen Sie dieses Zertifikat widerrufen und neu ausstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>If you made it yourself, delete the file; the vault's key is another.</source>
        <translation>Wenn Sie ihn selbst erstellt haben, löschen Sie die Datei; der Schlüssel im Tresor ist ein anderer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Ask the CA for the certificate as .cer, .crt, .pem or .p7b.</source>
        <translation>Bitten Sie die CA um das Zertifikat als .cer, .crt, .pem oder .p7b.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Send it to the CA, and give here what the CA sends back.</source>
        <translation>Schicken Sie sie der CA, und übergeben Sie hier, was die CA zurückschickt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Sign in at the CA with a browser, and download the certificate there.</source>
        <translation>Melden Sie sich im Browser bei der CA an, und laden Sie das Zertifikat dort herunter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Choose the certificate {name}, and merge the answer there.</source>
        <translation>Wählen Sie das Zertifikat {name}, und führen Sie die Antwort dort zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>it is a private key</source>
        <translation>Es ist ein privater Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>If the CA made the key, the certificate cannot be used with the vault's.</source>
        <translation>Wenn die CA den Schlüssel erstellt hat, passt das Zertifikat nicht zu dem im Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Then have it issued again for the request of the vault.</source>
        <translation>Lassen Sie es dann für die Anforderung des Tresors neu ausstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>it is a revocation list</source>
        <translation>Es ist eine Sperrliste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Valid from</source>
        <translation>Gültig ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Root</source>
        <translation>Stammzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>Its key is {key}; it is for {purposes}, from {issuer}.</source>
        <translation>Schlüssel: {key}; Zweck: {purposes}; ausgestellt von {issuer}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>a certificate in it is damaged</source>
        <translation>Ein Zertifikat darin ist beschädigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Signing a test text with it</source>
        <translation>Testtext wird damit signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Reading what the vault holds</source>
        <translation>Inhalt des Tresors wird gelesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Making the key and the request in the vault</source>
        <translation>Schlüssel und Anforderung werden im Tresor erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Recovering the certificate</source>
        <translation>Zertifikat wird wiederhergestellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Comparing with the request in the vault</source>
        <translation>Vergleich mit der Anforderung im Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Judging the certificate</source>
        <translation>Zertifikat wird beurteilt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The vault makes the key and the request. You see what is made before it is.</source>
        <translation>Der Tresor erstellt den Schlüssel und die Anforderung. Sie sehen vorher, was erstellt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The answer fits the request.</source>
        <translation>Die Antwort passt zur Anforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>This answer cannot be merged.</source>
        <translation>Diese Antwort kann nicht zusammengeführt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Nothing was changed in the vault.</source>
        <translation>Im Tresor wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>There is no certificate to sign with under this name.</source>
        <translation>Unter diesem Namen gibt es kein Zertifikat, mit dem sich signieren ließe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate can sign programs.</source>
        <translation>Das Zertifikat kann Programme signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>made in the vault's hardware, never leaves it</source>
        <translation>in der Hardware des Tresors erzeugt, verlässt sie nie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>kept in software</source>
        <translation>in Software gehalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>It keeps signing until then, also while the CA works.</source>
        <translation>Es signiert bis dahin weiter, auch während die CA arbeitet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Nobody has looked yet at what the vault holds.</source>
        <translation>Was der Tresor enthält, hat sich noch niemand angesehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>A few seconds, and nothing changes there.</source>
        <translation>Ein paar Sekunden, und dort ändert sich nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Something changed since this was looked at. Look again.</source>
        <translation>Seit dem Ansehen hat sich etwas geändert. Sehen Sie noch einmal nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The vault answers.</source>
        <translation>Der Tresor antwortet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>What the vault holds could not be seen.</source>
        <translation>Was der Tresor enthält, konnte nicht ermittelt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Seen {time}.</source>
        <translation>Angesehen am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Correct what is wrong in the form.</source>
        <translation>Korrigieren Sie, was im Formular falsch ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The request cannot be made like this.</source>
        <translation>So kann die Anforderung nicht erstellt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The request can be made like this.</source>
        <translation>So kann die Anforderung erstellt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>A request for the next version: the present one keeps signing until you merge the answer.</source>
        <translation>Eine Anforderung für die nächste Version: Die jetzige signiert weiter, bis Sie die Antwort zusammenführen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Fill in who the certificate is for.</source>
        <translation>Geben Sie an, für wen das Zertifikat ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>It is not in the vault yet: merging it is the last step.</source>
        <translation>Sie ist noch nicht im Tresor: Das Zusammenführen ist der letzte Schritt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>It waits in the vault, not here: close the program whenever you like.</source>
        <translation>Sie wartet im Tresor, nicht hier: Sie können das Programm jederzeit schließen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made today.</source>
        <translation>Heute erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made on {date}, {n} days ago.</source>
        <translation>Erstellt am {date}, vor {n} Tagen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>code signing, digital signatures</source>
        <translation>Codesignatur, digitale Signaturen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>Certificate of</source>
        <translation>Zertifikat von</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Goes there</source>
        <translation>Kommt hinein</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Renew it: what was signed with a time stamp stays valid.</source>
        <translation>Erneuern Sie es: Mit Zeitstempel Signiertes bleibt gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate can sign programs until {date}, {left}.</source>
        <translation>Das Zertifikat kann bis {date} Programme signieren, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate cannot be used to sign now.</source>
        <translation>Mit dem Zertifikat kann zurzeit nicht signiert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Make a signing request, give it to a CA, and bring its answer back here.</source>
        <translation>Erstellen Sie eine Zertifikatanforderung, geben Sie sie einer CA, und bringen Sie deren Antwort hierher zurück.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made on {date}, 1 day ago.</source>
        <translation>Erstellt am {date}, vor 1 Tag.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Stays out</source>
        <translation>Bleibt draußen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Time to renew: the certificate is valid until {date}, {left}.</source>
        <translation>Erneuern Sie jetzt: Das Zertifikat gilt bis {date}, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>What is shown below is of {time}.</source>
        <translation>Unten steht der Stand vom {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made on {date}.</source>
        <translation>Erstellt am {date}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{key}, {kept}, not exportable, not used again</source>
        <translation>{key}, {kept}, nicht exportierbar, nicht wiederverwendet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{begin} to {end}</source>
        <translation>{begin} bis {end}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The vault {vault} holds no certificate {name} yet.</source>
        <translation>Der Tresor {vault} enthält noch kein Zertifikat {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{name}: a new version; the present one keeps signing</source>
        <translation>{name}: eine neue Version; die jetzige signiert weiter</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{name}: new</source>
        <translation>{name}: neu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Nothing was made.</source>
        <translation>Es wurde nichts erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>an archive within archives</source>
        <translation>ein Archiv in Archiven</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>signs stand in it that do not belong there</source>
        <translation>Darin stehen Zeichen, die nicht hineingehören</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>a PKCS #7 file without a certificate</source>
        <translation>eine PKCS-#7-Datei ohne Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>it holds too many files</source>
        <translation>Es enthält zu viele Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>it is cut short</source>
        <translation>Die Daten sind abgeschnitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>it is no certificate</source>
        <translation>Es ist kein Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>A signing request waits for the CA's answer.</source>
        <translation>Eine Zertifikatanforderung wartet auf die Antwort der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>A key without a certificate has the name {name}.</source>
        <translation>Ein Schlüssel ohne Zertifikat hat den Namen {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The name {name} is free.</source>
        <translation>Der Name {name} ist frei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The vault holds the certificate {name}.</source>
        <translation>Der Tresor enthält das Zertifikat {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The certificate {name} works, and a request for its next version waits.</source>
        <translation>Das Zertifikat {name} funktioniert, und eine Anforderung für die nächste Version wartet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The certificate {name} is deleted, and can be recovered.</source>
        <translation>Das Zertifikat {name} ist gelöscht und kann wiederhergestellt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>extended validation (EV)</source>
        <translation>Extended Validation (EV)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>organisation or individual validation (OV, IV)</source>
        <translation>Prüfung der Organisation oder Person (OV, IV)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>the level is not told</source>
        <translation>Die Stufe ist nicht angegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>not stated</source>
        <translation>nicht angegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>an unknown time</source>
        <translation>unbekannter Zeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>nobody was asked</source>
        <translation>Es wurde niemand gefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>no purpose that is named</source>
        <translation>keinen genannten Zweck</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>Renew it now: a CA takes up to two weeks.</source>
        <translation>Erneuern Sie es jetzt: Eine CA braucht bis zu zwei Wochen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>The reason given: {reason}.</source>
        <translation>Angegebener Grund: {reason}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} can sign programs until {date}.</source>
        <translation>Das Zertifikat {name} kann bis {date} Programme signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>What the vault gave as certificate {name} cannot be read.</source>
        <translation>Was der Tresor als Zertifikat {name} geliefert hat, kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>This version of {name} is switched off in the vault.</source>
        <translation>Diese Version von {name} ist im Tresor deaktiviert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} is switched off in the vault.</source>
        <translation>Der Schlüssel von {name} ist im Tresor deaktiviert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key lives in hardware: {level}.</source>
        <translation>Der Schlüssel liegt in Hardware: {level}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} is kept in software: CAs must revoke such a certificate when they learn of it.</source>
        <translation>Der Schlüssel von {name} liegt in Software: CAs müssen ein solches Zertifikat widerrufen, wenn sie davon erfahren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} can be exported: whoever may read secrets in the vault can take it away.</source>
        <translation>Der Schlüssel von {name} ist exportierbar: Wer im Tresor Geheimnisse lesen darf, kann ihn mitnehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key cannot leave the vault.</source>
        <translation>Der Schlüssel kann den Tresor nicht verlassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} may not sign: it is allowed for {operations} only.</source>
        <translation>Der Schlüssel von {name} darf nicht signieren: Er ist nur für {operations} zugelassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The policy of {name} keeps the same key at renewal; requests made here always make a new one.</source>
        <translation>Die Richtlinie von {name} behält bei der Erneuerung denselben Schlüssel; hier erstellte Anforderungen erzeugen immer einen neuen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It is the newest version: what names the certificate without a version uses it.</source>
        <translation>Es ist die neueste Version: Wer das Zertifikat ohne Version nennt, verwendet sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Version {version} is not the newest: what names the certificate without a version uses another.</source>
        <translation>Version {version} ist nicht die neueste: Wer das Zertifikat ohne Version nennt, verwendet eine andere.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The version has tags: {tags}.</source>
        <translation>Die Version hat Tags: {tags}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The key is large enough: {key}.</source>
        <translation>Der Schlüssel ist groß genug: {key}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key is smaller than new certificates may have: {key}.</source>
        <translation>Der Schlüssel ist kleiner, als es für neue Zertifikate erlaubt ist: {key}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key is {key}, which Windows does not accept for programs.</source>
        <translation>Der Schlüssel ist {key}; das akzeptiert Windows für Programme nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} and the key beside it in the vault do not belong together.</source>
        <translation>Das Zertifikat {name} und der Schlüssel daneben im Tresor gehören nicht zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate is signed with {digest}, which Windows no longer accepts.</source>
        <translation>Das Zertifikat ist mit {digest} signiert; das akzeptiert Windows nicht mehr.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate is meant for code signing.</source>
        <translation>Das Zertifikat ist für die Codesignatur bestimmt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} is not meant for code signing, but for {purposes}.</source>
        <translation>Das Zertifikat {name} ist nicht für die Codesignatur bestimmt, sondern für: {purposes}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} may not be used for signatures: its key usage is {usages}.</source>
        <translation>Das Zertifikat {name} darf nicht für Signaturen verwendet werden: Die Schlüsselverwendung ist {usages}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It leads to {root}, which Windows trusts for code signing.</source>
        <translation>Es führt zu {root}; diesem Stammzertifikat vertraut Windows für die Codesignatur.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It leads to {root}, which counts only because it was added in the settings.</source>
        <translation>Es führt zu {root}; das zählt nur, weil es in den Einstellungen hinzugefügt wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate of the issuer {issuer} is not known here, so the chain has a gap.</source>
        <translation>Das Zertifikat des Ausstellers {issuer} ist hier nicht bekannt; die Kette hat deshalb eine Lücke.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Windows will not name the publisher of what it signs: {why}.</source>
        <translation>Windows wird den Herausgeber dessen, was damit signiert ist, nicht nennen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} vouches only for itself.</source>
        <translation>Das Zertifikat {name} bürgt nur für sich selbst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} expired on {date}.</source>
        <translation>Das Zertifikat {name} ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} is valid only from {date}.</source>
        <translation>Das Zertifikat {name} gilt erst ab {date}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} expires on {date}, {left}.</source>
        <translation>Das Zertifikat {name} läuft am {date} ab, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It is valid until {date}, {left}.</source>
        <translation>Es gilt bis {date}, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Certificates are now issued for at most 460 days: plan to renew every year.</source>
        <translation>Zertifikate werden jetzt für höchstens 460 Tage ausgestellt: Planen Sie jedes Jahr eine Erneuerung ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It is valid for {days} days, and certificates issued since March 2026 may be for 460 only.</source>
        <translation>Es gilt {days} Tage; seit März 2026 ausgestellte Zertifikate dürfen nur 460 Tage gelten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>How its owner was checked: {kind}.</source>
        <translation>So wurde der Inhaber geprüft: {kind}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The CA says that it is not revoked ({source}).</source>
        <translation>Die CA sagt, dass es nicht widerrufen ist ({source}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} was revoked on {since}.</source>
        <translation>Das Zertifikat {name} ist seit {since} widerrufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Whether it was revoked was not checked: {why}.</source>
        <translation>Ob es widerrufen wurde, ist nicht geprüft: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Switch this version on again, if it was not switched off on purpose.</source>
        <translation>Aktivieren Sie diese Version wieder, wenn sie nicht mit Absicht deaktiviert wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Make a new signing request under the same name; the old version stays meanwhile.</source>
        <translation>Erstellen Sie eine neue Zertifikatanforderung unter demselben Namen; die alte Version bleibt solange bestehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Allow the CA's address in proxy and firewall, or ask the CA for its chain.</source>
        <translation>Lassen Sie die Adresse der CA in Proxy und Firewall zu, oder bitten Sie die CA um ihre Kette.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Ask the CA why, then make a new signing request.</source>
        <translation>Fragen Sie die CA nach dem Grund, und erstellen Sie dann eine neue Zertifikatanforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Set Enabled to Yes, and save.</source>
        <translation>Setzen Sie „Enabled“ auf „Yes“, und speichern Sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>If the key may be known to others, sign anew what was signed since.</source>
        <translation>Wenn andere den Schlüssel kennen könnten, signieren Sie neu, was seither signiert wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Certificates, {name}: choose the current version.</source>
        <translation>„Key vaults“, {vault}, „Certificates“, {name}: Wählen Sie die aktuelle Version.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/preflight.py"/>
        <source>It waits since {time}.</source>
        <translation>Sie wartet seit {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/preflight.py"/>
        <source>It is gone for good on {date}.</source>
        <translation>Am {date} wird es endgültig gelöscht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/preflight.py"/>
        <source>Grant them on the page Permissions, or ask an administrator to.</source>
        <translation>Erteilen Sie diese auf der Seite „Berechtigungen“, oder bitten Sie einen Administrator darum.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>1 reminder</source>
        <translation>1 Erinnerung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>The certificate {name} in the vault {vault} is valid until {time}. Make a new signing request under the same name, send it to the CA, and merge the answer; the old version signs meanwhile.</source>
        <translation>Das Zertifikat {name} im Tresor {vault} gilt bis {time}. Erstellen Sie eine neue Zertifikatanforderung unter demselben Namen, schicken Sie sie der CA, und führen Sie die Antwort zusammen; die alte Version signiert so lange weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>{n} reminders</source>
        <translation>{n} Erinnerungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>Renew the code-signing certificate {name}: {days} days left</source>
        <translation>Codesignaturzertifikat {name} erneuern: noch {days} Tage</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>The code-signing certificate {name} expires today</source>
        <translation>Das Codesignaturzertifikat {name} läuft heute ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Windows does not accept EC keys for programs: choose RSA.</source>
        <translation>Windows akzeptiert für Programme keine EC-Schlüssel: Wählen Sie RSA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>A key outside hardware is refused by every public CA.</source>
        <translation>Einen Schlüssel außerhalb von Hardware lehnt jede öffentliche CA ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Key Vault does not take these tags: {why}.</source>
        <translation>Key Vault nimmt diese Tags nicht an: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>The signing request cannot be read: {why}.</source>
        <translation>Die Zertifikatanforderung kann nicht gelesen werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>The vault does sign with an EC key, but Windows then shows an unknown publisher.</source>
        <translation>Der Tresor signiert zwar mit einem EC-Schlüssel, Windows zeigt dann aber einen unbekannten Herausgeber.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>For experts: Windows does not accept it for programs.</source>
        <translation>Für Fachleute: Windows akzeptiert ihn nicht für Programme.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>code signing</source>
        <translation>Codesignatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>TLS servers</source>
        <translation>TLS-Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>TLS clients</source>
        <translation>TLS-Clients</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>e-mail</source>
        <translation>E-Mail</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>time stamps</source>
        <translation>Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>OCSP answers</source>
        <translation>OCSP-Antworten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>anything</source>
        <translation>alles</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Advised: every CA and every Windows accepts it.</source>
        <translation>Empfohlen: Jede CA und jedes Windows akzeptiert ihn.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>The least that CAs accept; signs a little faster.</source>
        <translation>Das Mindeste, was CAs akzeptieren; signiert etwas schneller.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Signature</source>
        <translation>Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Public key (SHA-256)</source>
        <translation>Öffentlicher Schlüssel (SHA-256)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>there are {count}, and {most} are allowed</source>
        <translation>Es sind {count}, erlaubt sind {most}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>one is longer than {most} characters</source>
        <translation>Einer ist länger als {most} Zeichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>does not hold</source>
        <translation>ist ungültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Asks for</source>
        <translation>Verlangt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Key usage</source>
        <translation>Schlüsselverwendung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>It is good for tests with a CA of your own.</source>
        <translation>Ein solcher Schlüssel taugt für Tests mit einer eigenen CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it is damaged</source>
        <translation>Die Daten sind beschädigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Choose RSA with 4096 bits.</source>
        <translation>Wählen Sie RSA mit 4096 Bit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Use a vault of the Premium tier, and a key in its hardware.</source>
        <translation>Verwenden Sie einen Tresor der Stufe Premium und einen Schlüssel in dessen Hardware.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request is for {name}, {key}, and its signature holds.</source>
        <translation>Die Zertifikatanforderung ist für {name}, {key}, und ihre Signatur ist gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request's own signature does not hold.</source>
        <translation>Die eigene Signatur der Zertifikatanforderung ist ungültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The subject in the signing request is not the one that was asked for.</source>
        <translation>Der Inhaber in der Zertifikatanforderung ist nicht der gewünschte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The key in the signing request is {key}, not {wanted}.</source>
        <translation>Der Schlüssel in der Zertifikatanforderung ist {key} statt {wanted}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The key is too small for a code-signing certificate: {key}.</source>
        <translation>Der Schlüssel ist zu klein für ein Codesignaturzertifikat: {key}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request does not ask for code signing, but for {purposes}.</source>
        <translation>Die Zertifikatanforderung verlangt nicht Codesignatur, sondern: {purposes}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request does not ask for digital signatures.</source>
        <translation>Die Zertifikatanforderung verlangt keine digitalen Signaturen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Drop this request, and make a new one.</source>
        <translation>Verwerfen Sie diese Anforderung, und erstellen Sie eine neue.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The portal's own proposal is for web servers.</source>
        <translation>Der eigene Vorschlag des Portals ist für Webserver.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Difference: {difference}</source>
        <translation>Unterschied: {difference}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Ask the CA whether it goes by the order; if not, drop it and write it anew.</source>
        <translation>Fragen Sie die CA, ob sie sich nach der Bestellung richtet; falls nicht, verwerfen Sie die Anforderung und schreiben sie neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Drop this request, and make one with an RSA key.</source>
        <translation>Verwerfen Sie diese Anforderung, und erstellen Sie eine mit einem RSA-Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>it does not say where to ask</source>
        <translation>Es steht nicht darin, wo zu fragen ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the answer is about another certificate</source>
        <translation>Die Antwort gilt für ein anderes Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder does not know the certificate</source>
        <translation>Der Auskunftsdienst kennt das Zertifikat nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>its signature does not hold</source>
        <translation>Die Signatur ist ungültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list is not the issuer's, or its signature does not hold</source>
        <translation>Die Liste ist nicht vom Aussteller, oder ihre Signatur ist ungültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>it is from the future; the clock may be wrong</source>
        <translation>Die Auskunft stammt aus der Zukunft; vielleicht geht die Uhr falsch</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the answer cannot be read</source>
        <translation>Die Antwort kann nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder's certificate is not for OCSP</source>
        <translation>Das Zertifikat des Auskunftsdienstes ist nicht für OCSP</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder's certificate is out of its validity</source>
        <translation>Das Zertifikat des Auskunftsdienstes ist außerhalb seiner Gültigkeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list cannot be read</source>
        <translation>Die Liste kann nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list holds changes only</source>
        <translation>Die Liste enthält nur Änderungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder was not appointed by the issuer</source>
        <translation>Der Auskunftsdienst wurde nicht vom Aussteller beauftragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>HTTP status {status}</source>
        <translation>HTTP-Status {status}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list is about other certificates</source>
        <translation>Die Liste gilt für andere Zertifikate</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list has a critical extension that is not understood</source>
        <translation>Die Liste hat eine kritische Erweiterung, die nicht verstanden wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>it is out of date since {date}</source>
        <translation>Die Auskunft ist seit {date} veraltet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder says {status}</source>
        <translation>Der Auskunftsdienst sagt {status}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The name {name} is free in the vault.</source>
        <translation>Der Name {name} ist im Tresor frei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault has a certificate {name}: this makes its next version, and the present one keeps signing.</source>
        <translation>Der Tresor hat ein Zertifikat {name}: Dies erstellt die nächste Version, und die jetzige signiert weiter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>A request for {name} waits in the vault already.</source>
        <translation>Im Tresor wartet bereits eine Anforderung für {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>A deleted certificate still owns the name {name}.</source>
        <translation>Ein gelöschtes Zertifikat besetzt noch den Namen {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>A key or secret in the vault has the name {name} already.</source>
        <translation>Ein Schlüssel oder Geheimnis im Tresor hat bereits den Namen {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault {vault} is of the Standard tier, which has no hardware keys.</source>
        <translation>Der Tresor {vault} ist von der Stufe Standard; die hat keine Hardwareschlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault {vault} makes keys in hardware.</source>
        <translation>Der Tresor {vault} erzeugt Schlüssel in Hardware.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Whether the vault {vault} is of the Premium tier cannot be seen without an administrator.</source>
        <translation>Ob der Tresor {vault} von der Stufe Premium ist, ist ohne Administrator nicht zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The application lacks permissions for this: {permissions}.</source>
        <translation>Der Anwendung fehlen Berechtigungen dafür: {permissions}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault does not understand the subject.</source>
        <translation>Der Tresor versteht die Angaben zum Inhaber nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>No request for {name} waits in the vault.</source>
        <translation>Im Tresor wartet keine Anforderung für {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The request for {name} no longer waits for an answer: {status}.</source>
        <translation>Die Anforderung für {name} wartet nicht mehr auf eine Antwort: {status}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Somebody else is working on {name} in the vault at this moment.</source>
        <translation>Jemand anderes arbeitet im Tresor gerade an {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The request for {name} goes to {issuer} by itself: there is nothing to merge.</source>
        <translation>Die Anforderung für {name} geht von selbst an {issuer}: Es gibt nichts zusammenzuführen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault says that the certificate does not belong to the key of {name}.</source>
        <translation>Der Tresor sagt, dass das Zertifikat nicht zum Schlüssel von {name} gehört.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault cannot read the certificates that it was given.</source>
        <translation>Der Tresor kann die übergebenen Zertifikate nicht lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The versions of {name} cannot be listed: the permission certificates list is missing.</source>
        <translation>Die Versionen von {name} können nicht aufgelistet werden: Die Zertifikatberechtigung „List“ fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>How the key of {name} is kept cannot be seen: {why}.</source>
        <translation>Wie der Schlüssel von {name} gehalten wird, ist nicht zu sehen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>the vault does not say why</source>
        <translation>Der Tresor nennt keinen Grund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Choose another name for the certificate, here and in the server's form.</source>
        <translation>Wählen Sie einen anderen Namen für das Zertifikat, hier und im Formular des Servers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>its CA</source>
        <translation>ihre CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Go on with it: save it again, send it to the CA, and merge the answer.</source>
        <translation>Machen Sie damit weiter: Speichern Sie sie erneut, schicken Sie sie der CA, und führen Sie die Antwort zusammen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Make the vault Premium, or make another vault of the Premium tier.</source>
        <translation>Stellen Sie den Tresor auf Premium um, oder erstellen Sie einen weiteren Tresor der Stufe Premium.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>For tests only: a key in software, which every public CA refuses.</source>
        <translation>Nur für Tests: ein Schlüssel in Software, den jede öffentliche CA ablehnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Try again in a minute.</source>
        <translation>Versuchen Sie es in einer Minute erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Leave out quotes, backslashes and rare signs, and try again.</source>
        <translation>Lassen Sie Anführungszeichen, umgekehrte Schrägstriche und seltene Zeichen weg, und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Or drop it and begin anew; an answer to it that still comes is then of no use.</source>
        <translation>Oder verwerfen Sie sie und beginnen neu; eine Antwort, die noch darauf kommt, ist dann wertlos.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Delete.</source>
        <translation>„Delete“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Or recover the deleted one, and make its next version.</source>
        <translation>Oder stellen Sie das gelöschte wieder her, und erstellen Sie dessen nächste Version.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Key vaults, Create: choose the pricing tier Premium.</source>
        <translation>„Key vaults“, „Create“: Wählen Sie als „Pricing tier“ „Premium“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The tier of a vault that exists is changed by a command only.</source>
        <translation>Die Stufe eines bestehenden Tresors lässt sich nur mit einem Befehl ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Certificates, {name}, Certificate Operation.</source>
        <translation>„Key vaults“, {vault}, „Certificates“, {name}, „Certificate Operation“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Key vaults, {vault}, Certificates, Manage deleted certificates.</source>
        <translation>„Key vaults“, {vault}, „Certificates“, „Manage deleted certificates“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Choose {name}, Recover.</source>
        <translation>Wählen Sie {name}, dann „Recover“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Common name</source>
        <translation>Allgemeiner Name</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>For code signing the organisation's name again; Windows shows it as the publisher.</source>
        <translation>Für die Codesignatur noch einmal der Name der Organisation; Windows zeigt ihn als Herausgeber.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Organisation</source>
        <translation>Organisation</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>The registered name, letter by letter as in the trade register, with its legal form.</source>
        <translation>Der eingetragene Name, Buchstabe für Buchstabe wie im Handelsregister, mit der Rechtsform.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Unit</source>
        <translation>Abteilung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Best left empty: most CAs no longer take it.</source>
        <translation>Am besten leer lassen: Die meisten CAs nehmen sie nicht mehr an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Street</source>
        <translation>Straße</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Street and number of the registered office; only if the CA asks.</source>
        <translation>Straße und Hausnummer des Firmensitzes; nur wenn die CA danach fragt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Town</source>
        <translation>Ort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>The town of the registered office.</source>
        <translation>Der Ort des Firmensitzes.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>State or province</source>
        <translation>Bundesland</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Written out, not abbreviated.</source>
        <translation>Ausgeschrieben, nicht abgekürzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Postal code</source>
        <translation>Postleitzahl</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Only if the CA asks.</source>
        <translation>Nur wenn die CA danach fragt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Country</source>
        <translation>Land</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>The two letters of ISO 3166: GB, not UK.</source>
        <translation>Die zwei Buchstaben nach ISO 3166: GB, nicht UK.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>E-mail</source>
        <translation>E-Mail</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Best left empty: it would stand in every signed file.</source>
        <translation>Am besten leer lassen: Sie stünde in jeder signierten Datei.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Registration number</source>
        <translation>Registernummer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: the number in the trade register.</source>
        <translation>Bei Extended Validation (EV): die Nummer im Handelsregister.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Business category</source>
        <translation>Geschäftskategorie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: Private Organization, Government Entity, Business Entity or Non-Commercial Entity.</source>
        <translation>Bei Extended Validation (EV): Private Organization, Government Entity, Business Entity oder Non-Commercial Entity.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Town of registration</source>
        <translation>Ort des Registers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: only where registers are kept by towns.</source>
        <translation>Bei Extended Validation (EV): nur wo Register von Orten geführt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>State of registration</source>
        <translation>Bundesland des Registers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: only where registers are kept by states.</source>
        <translation>Bei Extended Validation (EV): nur wo Register von Bundesländern geführt werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Country of registration</source>
        <translation>Land des Registers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: the country of the trade register, two letters.</source>
        <translation>Bei Extended Validation (EV): das Land des Handelsregisters, zwei Buchstaben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>it is too long</source>
        <translation>Er ist zu lang</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>something follows the closing double quote</source>
        <translation>Nach dem schließenden doppelten Anführungszeichen folgt noch etwas</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>a double quote is not closed</source>
        <translation>Ein doppeltes Anführungszeichen ist nicht geschlossen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>{name} is not an attribute that is known</source>
        <translation>{name} ist kein bekanntes Attribut</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>no attribute such as CN= stands at “{text}”</source>
        <translation>Bei „{text}“ steht kein Attribut wie CN=</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>the value at “{text}” needs double quotes around it</source>
        <translation>Der Wert bei „{text}“ braucht doppelte Anführungszeichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The subject is empty: give at least the common name.</source>
        <translation>Die Angaben zum Inhaber sind leer: Geben Sie mindestens den allgemeinen Namen an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The subject lacks what CAs ask for: {fields}.</source>
        <translation>In den Angaben zum Inhaber fehlt, wonach CAs fragen: {fields}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} has {length} characters; {maximum} are allowed.</source>
        <translation>{field} hat {length} Zeichen; erlaubt sind {maximum}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{value} is not a country code.</source>
        <translation>{value} ist kein Ländercode.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} holds a character that is not allowed there: {character}.</source>
        <translation>{field} enthält ein Zeichen, das dort nicht erlaubt ist: {character}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} says nothing: leave it empty instead of “{value}”.</source>
        <translation>{field} sagt nichts aus: Lassen Sie es leer statt „{value}“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{value} is no e-mail address.</source>
        <translation>{value} ist keine E-Mail-Adresse.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The state {value} is abbreviated: CAs want it written out.</source>
        <translation>Das Bundesland {value} ist abgekürzt: CAs wollen es ausgeschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{value} is none of the four business categories.</source>
        <translation>{value} ist keine der vier Geschäftskategorien.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} stands in the subject more than once.</source>
        <translation>{field} steht mehr als einmal in den Angaben zum Inhaber.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} holds {character}, which services read differently: compare the finished request.</source>
        <translation>{field} enthält {character}; das lesen Dienste unterschiedlich: Vergleichen Sie die fertige Anforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>CAs do not ask for the attribute {name}.</source>
        <translation>CAs fragen nicht nach dem Attribut {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>Germany is DE, New Zealand NZ.</source>
        <translation>Deutschland ist DE, Neuseeland NZ.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>Is {code} meant?</source>
        <translation>Ist {code} gemeint?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The CA may fill it in from the order, or send the request back.</source>
        <translation>Die CA trägt es vielleicht aus der Bestellung ein, oder sie schickt die Anforderung zurück.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>Ask the CA how it abbreviates the name, and write it so.</source>
        <translation>Fragen Sie die CA, wie sie den Namen abkürzt, und schreiben Sie ihn so.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/vault.py"/>
        <source>Looking whether the vault has merged it all the same</source>
        <translation>Es wird nachgesehen, ob der Tresor trotzdem zusammengeführt hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>The certificate of the issuer {issuer} could not be had: {why}.</source>
        <translation>Das Zertifikat des Ausstellers {issuer} war nicht zu bekommen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>the chain has no end</source>
        <translation>Die Kette hat kein Ende</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>it does not say where to fetch it</source>
        <translation>Es steht nicht darin, wo es abzurufen ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>{address} has another certificate</source>
        <translation>unter {address} liegt ein anderes Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>{address} answers with HTTP status {status}</source>
        <translation>{address} antwortet mit dem HTTP-Status {status}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>Allow the CA's address in proxy and firewall; it is plain http, and signed itself.</source>
        <translation>Lassen Sie die Adresse der CA in Proxy und Firewall zu; sie ist einfaches http, und der Inhalt ist selbst signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>there is a blank or a line's end in it</source>
        <translation>Darin ist ein Leerzeichen oder ein Zeilenende</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it must begin with https://</source>
        <translation>Sie muss mit https:// beginnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it has a login in it; give that separately</source>
        <translation>Darin stehen Anmeldedaten; geben Sie diese gesondert an</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it names no host</source>
        <translation>Sie nennt keinen Host</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it cannot be read</source>
        <translation>Sie kann nicht gelesen werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>its host name cannot be used</source>
        <translation>Der Hostname ist nicht verwendbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>If there is none, and only you use this network, allow it: --plain-http.</source>
        <translation>Wenn es keine gibt und nur Sie dieses Netzwerk nutzen, lassen Sie es zu: --plain-http.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>Copy it from the browser's address bar, such as https://backup.example.com.</source>
        <translation>Kopieren Sie sie aus der Adresszeile des Browsers, etwa https://backup.example.com.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>Give the address that opens the server's web page.</source>
        <translation>Geben Sie die Adresse an, die die Webseite des Servers öffnet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>without a word</source>
        <translation>ohne ein Wort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>Give the address that opens the Comet Server's own web page, with its port.</source>
        <translation>Geben Sie die Adresse an, die die Webseite des Comet Servers öffnet, mit ihrem Port.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>Look at what the server says; its log may tell more.</source>
        <translation>Sehen Sie sich an, was der Server sagt; sein Protokoll sagt vielleicht mehr.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>If that is the server, give its address itself.</source>
        <translation>Wenn das der Server ist, geben Sie direkt seine Adresse an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Somebody else changed the server's settings meanwhile; nothing was changed from here.</source>
        <translation>Jemand anderes hat inzwischen die Einstellungen des Servers geändert; von hier wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The server has the new settings ({count}), and they were read back.</source>
        <translation>Der Server hat die neuen Einstellungen ({count}), und sie wurden zurückgelesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The server did not take over: {keys}.</source>
        <translation>Der Server hat nicht übernommen: {keys}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Settings that were not touched look different after saving: {keys}.</source>
        <translation>Einstellungen, die nicht geändert wurden, sehen nach dem Speichern anders aus: {keys}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The certificate files that the server had before could not be kept: Undo would not bring them back.</source>
        <translation>Die bisherigen Zertifikatdateien des Servers konnten nicht aufbewahrt werden: „Rückgängig machen“ würde sie nicht zurückbringen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The server has its old settings back ({count}).</source>
        <translation>Der Server hat seine alten Einstellungen zurück ({count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>There is no change of this server that could be undone.</source>
        <translation>Es gibt keine Änderung dieses Servers, die rückgängig gemacht werden könnte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The old values of {keys} are not here any more, so the change cannot be undone.</source>
        <translation>Die alten Werte von {keys} sind nicht mehr hier; die Änderung kann deshalb nicht rückgängig gemacht werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>a secret</source>
        <translation>ein Geheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>missing</source>
        <translation>fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Changed: {keys}</source>
        <translation>Geändert: {keys}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>changed since they were shown</source>
        <translation>geändert, seit sie gezeigt wurden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Look at the differences again, then apply.</source>
        <translation>Sehen Sie sich die Unterschiede noch einmal an, und übernehmen Sie sie dann.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>server show tells what the server has now.</source>
        <translation>server show zeigt, was der Server jetzt hat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Type the old value into the server's own form.</source>
        <translation>Geben Sie den alten Wert im Formular des Servers ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Look at these settings in the server's own form.</source>
        <translation>Sehen Sie sich diese Einstellungen im Formular des Servers an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Compare them with what they should be, in the server's own form.</source>
        <translation>Vergleichen Sie sie im Formular des Servers mit dem, was dort stehen soll.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to tell its version</source>
        <translation>die Auskunft über seine Version</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to tell what the account may do</source>
        <translation>die Auskunft über die Rechte des Kontos</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to show its branding</source>
        <translation>die Anzeige seines Brandings</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to list its clients</source>
        <translation>die Liste seiner Clients</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to list its logs</source>
        <translation>die Liste seiner Protokolle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to save the branding</source>
        <translation>das Speichern des Brandings</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to build this client</source>
        <translation>das Erstellen dieses Clients</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>A one-time code works once and for half a minute: take a fresh one.</source>
        <translation>Ein Einmalcode gilt einmal und eine halbe Minute lang: Nehmen Sie einen neuen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>the end of the session</source>
        <translation>das Ende der Sitzung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to give back a file</source>
        <translation>die Rückgabe einer Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to show its log</source>
        <translation>die Anzeige seines Protokolls</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>the file {name}</source>
        <translation>die Datei {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>there is no branding in it</source>
        <translation>Darin ist kein Branding</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>ahead of</source>
        <translation>vor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>no session key was given</source>
        <translation>Es kam kein Sitzungsschlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>no file's hash was given</source>
        <translation>Es kam kein Hash der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>no JSON object came</source>
        <translation>Es kam kein JSON-Objekt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Let the server and this computer set their clocks from the network.</source>
        <translation>Lassen Sie den Server und diesen Computer ihre Uhren über das Netzwerk stellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Give the code that your authenticator shows now: each one works once.</source>
        <translation>Geben Sie den Code ein, den Ihr Authenticator jetzt zeigt: Jeder gilt nur einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Give the name with which you sign in to the server.</source>
        <translation>Geben Sie den Namen an, mit dem Sie sich am Server anmelden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Check that the address is the Comet Server's own.</source>
        <translation>Prüfen Sie, ob die Adresse die des Comet Servers selbst ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Sign in again.</source>
        <translation>Melden Sie sich erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>it is neither a zip, a Windows program, nor a macOS package</source>
        <translation>Es ist weder eine ZIP-Datei noch ein Windows-Programm noch ein macOS-Paket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>a file in the zip is locked with a password</source>
        <translation>Eine Datei in der ZIP-Datei ist mit einem Passwort gesperrt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>it unpacks to more than any installer has</source>
        <translation>Entpackt ist es mehr, als ein Installationsprogramm haben kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>the zip has more than {n} files</source>
        <translation>Die ZIP-Datei enthält mehr als {n} Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>the zip is damaged: {why}</source>
        <translation>Die ZIP-Datei ist beschädigt: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/desk.py"/>
        <source>the administrator</source>
        <translation>der Administrator</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/desk.py"/>
        <source>doctor windows says what to mend; then compare again.</source>
        <translation>doctor windows sagt, was zu beheben ist; vergleichen Sie dann noch einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/desk.py"/>
        <source>Give the administrator's password.</source>
        <translation>Geben Sie das Passwort des Administrators an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>it is no JSON object</source>
        <translation>Es ist kein JSON-Objekt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it is nested too deeply</source>
        <translation>zu tief verschachtelt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>something follows it at character {place}</source>
        <translation>Bei Zeichen {place} folgt noch etwas</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>a name is missing at character {place}</source>
        <translation>Bei Zeichen {place} fehlt ein Name</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>a colon is missing at character {place}</source>
        <translation>Bei Zeichen {place} fehlt ein Doppelpunkt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>a comma too many at character {place}</source>
        <translation>Bei Zeichen {place} ist ein Komma zu viel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>it breaks off at character {place}</source>
        <translation>Es bricht bei Zeichen {place} ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server's address is missing.</source>
        <translation>Die Adresse des Servers fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{address} is not the address of a server: {why}.</source>
        <translation>{address} ist keine Serveradresse: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} would be spoken to without encryption: password and secrets could be read on the way.</source>
        <translation>{host} würde ohne Verschlüsselung angesprochen: Passwort und Geheimnisse könnten unterwegs mitgelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} is spoken to without encryption: password and secrets can be read on the way.</source>
        <translation>{host} wird ohne Verschlüsselung angesprochen: Passwort und Geheimnisse können unterwegs mitgelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The administrator's user name is missing.</source>
        <translation>Der Benutzername des Administrators fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The password of {user} is missing.</source>
        <translation>Das Passwort von {user} fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server refuses the sign-in of {user}.</source>
        <translation>Der Server lehnt die Anmeldung von {user} ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Signed in to {host} as {user}, version {version}.</source>
        <translation>An {host} angemeldet als {user}, Version {version}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The session on {host} has ended.</source>
        <translation>Die Sitzung auf {host} ist beendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The session on {host} could not be ended: {why}</source>
        <translation>Die Sitzung auf {host} konnte nicht beendet werden: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} does not answer like a Comet Server.</source>
        <translation>{host} antwortet nicht wie ein Comet Server.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} leads elsewhere: to {target}.</source>
        <translation>{host} leitet weiter: an {target}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server refuses {what}: {words}</source>
        <translation>Der Server lehnt {what} ab: {words}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server's clock is {offset} {direction} this computer.</source>
        <translation>Die Uhr des Servers geht gegenüber diesem Computer {offset} {direction}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{user} may not see or change the server's branding.</source>
        <translation>{user} darf das Branding des Servers nicht sehen oder ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{user} is an administrator of a tenant, not of the whole server.</source>
        <translation>{user} ist Administrator eines Mandanten, nicht des ganzen Servers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server builds no clients: its Software Build role is off.</source>
        <translation>Der Server erstellt keine Clients: Seine Rolle „Software Build“ ist abgeschaltet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{user} may not build clients on this server.</source>
        <translation>{user} darf auf diesem Server keine Clients erstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server gives out the vendor's pre-built client: the signing settings have no effect.</source>
        <translation>Der Server gibt den vorgefertigten Client des Herstellers aus: Die Signiereinstellungen haben keine Wirkung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server is too old for {what}: it has {version}, and {needed} is needed.</source>
        <translation>Der Server ist zu alt. Betroffen: {what}. Er hat {version}, nötig ist {needed}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server's settings cannot be read: {why}.</source>
        <translation>Die Einstellungen des Servers können nicht gelesen werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server has what the profile holds.</source>
        <translation>Der Server hat, was das Profil enthält.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server has what the profile holds, as far as it can be seen: {count} cannot be compared.</source>
        <translation>Der Server hat, was das Profil enthält, soweit es zu sehen ist: {count} sind nicht vergleichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Not as in the profile: {count} of the server's settings.</source>
        <translation>Anders als im Profil: {count} Einstellungen des Servers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The profile holds nothing yet that could be given to the server.</source>
        <translation>Das Profil enthält noch nichts, was dem Server gegeben werden könnte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The profile lacks {what} for the server.</source>
        <translation>Im Profil fehlt für den Server noch etwas: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The files go into {fields}, which is the likely field: look at it on the server once.</source>
        <translation>Die Dateien kommen in {fields}; das ist wahrscheinlich das richtige Feld: Sehen Sie es sich einmal auf dem Server an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>With the Azure options that the server would be given, the vault does not sign from here: {why}</source>
        <translation>Mit den Azure-Optionen, die der Server bekäme, signiert der Tresor von hier nicht: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Check user name and password on the server's own web page; then give them again.</source>
        <translation>Prüfen Sie Benutzername und Passwort auf der Webseite des Servers; geben Sie sie dann erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Switch the role on. A hosted server has it; on a server of your own it is a setting.</source>
        <translation>Schalten Sie die Rolle ein. Ein gehosteter Server hat sie; auf einem eigenen Server ist sie eine Einstellung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Open the server's address in a browser and sign in as the administrator.</source>
        <translation>Öffnen Sie die Adresse des Servers in einem Browser, und melden Sie sich als Administrator an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>With two-factor authentication, wait for a fresh code: each works once.</source>
        <translation>Warten Sie bei Zwei-Faktor-Authentifizierung auf einen neuen Code: Jeder gilt nur einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>On the server: Settings, Admin accounts, the account.</source>
        <translation>Auf dem Server: „Settings“, „Admin accounts“, das Konto.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Untick Prevent editing server settings, or tick Allow editing branding.</source>
        <translation>Entfernen Sie den Haken bei „Prevent editing server settings“, oder setzen Sie ihn bei „Allow editing branding“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>On the server: Settings, Roles and permissions, Software Build.</source>
        <translation>Auf dem Server: „Settings“, „Roles and permissions“, „Software Build“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Tick Enable Software Build role, and save; the server restarts.</source>
        <translation>Setzen Sie den Haken bei „Enable Software Build role“, und speichern Sie; der Server startet neu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Let a top-level administrator allow {user} to edit the branding, or sign in as one.</source>
        <translation>Lassen Sie einen Administrator der obersten Ebene {user} das Bearbeiten des Brandings erlauben, oder melden Sie sich als solcher an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted before it was saved: the server is as it was.</source>
        <translation>Eine frühere Änderung wurde vor dem Speichern unterbrochen: Der Server ist, wie er war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted after it was saved: the server has all the new values.</source>
        <translation>Eine frühere Änderung wurde nach dem Speichern unterbrochen: Der Server hat alle neuen Werte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted, and whether the server has the new secret cannot be seen.</source>
        <translation>Eine frühere Änderung wurde unterbrochen, und ob der Server das neue Geheimnis hat, ist nicht zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted, and the server now has neither the old nor the new values.</source>
        <translation>Eine frühere Änderung wurde unterbrochen, und der Server hat jetzt weder die alten noch die neuen Werte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier undo was interrupted before it was saved: the server has the new values.</source>
        <translation>Ein früheres Rückgängigmachen wurde vor dem Speichern unterbrochen: Der Server hat die neuen Werte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier undo was interrupted after it was saved: the server has its old settings back.</source>
        <translation>Ein früheres Rückgängigmachen wurde nach dem Speichern unterbrochen: Der Server hat seine alten Einstellungen zurück.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>Compare the settings again (server diff), and apply what is missing.</source>
        <translation>Vergleichen Sie die Einstellungen noch einmal (server diff), und übernehmen Sie, was fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/journal.py"/>
        <source>What is about to be changed cannot be written down: {why}. Nothing was changed.</source>
        <translation>Was geändert werden soll, kann nicht festgehalten werden: {why}. Es wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>not known to the server</source>
        <translation>dem Server nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>uploaded Apple certificates</source>
        <translation>hochgeladene Apple-Zertifikate</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>set</source>
        <translation>gesetzt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>set, kept under the server's own format</source>
        <translation>gesetzt, im eigenen Format des Servers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>different</source>
        <translation>anders</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>cannot be compared</source>
        <translation>nicht vergleichbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>an uploaded file ({start}…)</source>
        <translation>eine hochgeladene Datei ({start}…)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Fill in the Key Vault options or the Apple files first.</source>
        <translation>Füllen Sie zuerst die Key-Vault-Optionen oder die Apple-Dateien aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Sign in as a top-level administrator to see the server's log and all settings.</source>
        <translation>Melden Sie sich als Administrator der obersten Ebene an, um das Protokoll und alle Einstellungen des Servers zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Let the server make custom builds: server apply --only build-mode.</source>
        <translation>Lassen Sie den Server eigene Builds erstellen: server apply --only build-mode.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Save one file in the server's own form, and see here which field it fills; --file-fields file or name chooses.</source>
        <translation>Speichern Sie eine Datei im Formular des Servers, und sehen Sie hier, welches Feld sie füllt; --file-fields file oder name wählt aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Let a top-level administrator take this restriction off the account.</source>
        <translation>Lassen Sie diese Einschränkung des Kontos von einem Administrator der obersten Ebene aufheben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>On the server: Settings, Branding, Client branding.</source>
        <translation>Auf dem Server: „Settings“, „Branding“, „Client branding“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Choose custom branding in place of the pre-built client.</source>
        <translation>Wählen Sie eigenes Branding statt des vorgefertigten Clients.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Upgrade the server.</source>
        <translation>Aktualisieren Sie den Server.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>The server builds {platform}, {seconds} s</source>
        <translation>für {platform}, {seconds} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>there is no installer in it</source>
        <translation>Darin ist kein Installationsprogramm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>It offers: {platforms}</source>
        <translation>Er bietet an: {platforms}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>nothing</source>
        <translation>nichts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>Choose one of them with --platform NUMBER.</source>
        <translation>Wählen Sie eine davon mit --platform NUMBER.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>Choose a client for Windows or macOS.</source>
        <translation>Wählen Sie einen Client für Windows oder macOS.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_explain.py"/>
        <source>The profile's options sign from here: give them to the server (server apply --only azure).</source>
        <translation>Die Optionen des Profils signieren von hier: Geben Sie sie dem Server (server apply --only azure).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server offers no client of this kind: {wanted}.</source>
        <translation>Der Server bietet keinen solchen Client an: {wanted}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>{platform} is for a system whose clients are not signed: there is nothing to prove.</source>
        <translation>{platform} ist für ein System, dessen Clients nicht signiert werden: Es gibt nichts nachzuweisen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server refused to build the client for {platform}.</source>
        <translation>Der Server hat es abgelehnt, den Client für {platform} zu erstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>What the server delivered for {platform} is no installer: {why}.</source>
        <translation>Was der Server für {platform} geliefert hat, ist kein Installationsprogramm: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server delivered its loader with a data file, signed by {publisher}: not your signed installer.</source>
        <translation>Der Server hat seinen Loader mit einer Datendatei geliefert, signiert von {publisher}: nicht Ihr signiertes Installationsprogramm.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The download for {platform} holds {count} programs where one signed installer belongs.</source>
        <translation>Der Download für {platform} enthält {count} Programme statt eines signierten Installationsprogramms.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Beside the signed installer the download holds: {names}.</source>
        <translation>Neben dem signierten Installationsprogramm enthält der Download: {names}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is not signed.</source>
        <translation>Der Client für {platform} ist nicht signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed, but not by you: by {publisher}, not {expected}.</source>
        <translation>Der Client für {platform} ist signiert, aber nicht von Ihnen: von {publisher}, nicht von {expected}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed by another certificate of {publisher} than the present one.</source>
        <translation>Der Client für {platform} ist mit einem anderen Zertifikat von {publisher} signiert als dem jetzigen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed by your certificate: {publisher}.</source>
        <translation>Der Client für {platform} ist mit Ihrem Zertifikat signiert: {publisher}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed by {publisher}; whether that is you could not be compared.</source>
        <translation>Der Client für {platform} ist von {publisher} signiert; ob das Sie sind, war nicht zu vergleichen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} has no time stamp: its signature ends with the certificate.</source>
        <translation>Der Client für {platform} hat keinen Zeitstempel: Seine Signatur endet mit dem Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The package for {platform} carries no ticket, though the server is to staple one.</source>
        <translation>Das Paket für {platform} trägt kein Ticket, obwohl der Server eines anheften soll.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Whether Apple has notarised the package for {platform} could not be seen.</source>
        <translation>Ob Apple das Paket für {platform} notarisiert hat, war nicht zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Apple has notarised the package for {platform}.</source>
        <translation>Apple hat das Paket für {platform} notarisiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Apple has not notarised the package for {platform}, though the server is to have that done.</source>
        <translation>Apple hat das Paket für {platform} nicht notarisiert, obwohl der Server das veranlassen soll.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The package for {platform} is signed only: macOS 10.15 and later refuse it without notarisation.</source>
        <translation>Das Paket für {platform} ist nur signiert: macOS ab 10.15 lehnt es ohne Notarisierung ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server's log around the build, as far as it is about signing ({count}).</source>
        <translation>Das Protokoll des Servers zur Zeit des Builds, soweit es ums Signieren geht ({count}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server's log says nothing about signing around the build.</source>
        <translation>Das Protokoll des Servers sagt zur Zeit des Builds nichts über das Signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server's log may not be read by this account.</source>
        <translation>Dieses Konto darf das Protokoll des Servers nicht lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The same vault and certificate sign from here: the fault is on the server's side.</source>
        <translation>Derselbe Tresor und dasselbe Zertifikat signieren von hier: Der Fehler liegt auf der Seite des Servers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>From here the vault does not sign either: {why}</source>
        <translation>Auch von hier signiert der Tresor nicht: {why}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not signed by you</source>
        <translation>nicht von Ihnen signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not signed</source>
        <translation>nicht signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>no time stamp</source>
        <translation>kein Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>no ticket</source>
        <translation>kein Ticket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not notarised</source>
        <translation>nicht notarisiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>no installer</source>
        <translation>kein Installationsprogramm</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>signed only</source>
        <translation>nur signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not in order</source>
        <translation>nicht in Ordnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Compare the server's settings with the profile (server diff), and apply what differs.</source>
        <translation>Vergleichen Sie die Einstellungen des Servers mit dem Profil (server diff), und übernehmen Sie, was abweicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Then prove again; an installer built before may have been kept by the server.</source>
        <translation>Weisen Sie es dann noch einmal nach; vielleicht hat der Server ein früher erstelltes Installationsprogramm behalten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Read what the server's log says about signing, mend it, and prove again.</source>
        <translation>Lesen Sie, was das Protokoll des Servers über das Signieren sagt, beheben Sie es, und weisen Sie es noch einmal nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>On the server: Logs; look for the time of the build.</source>
        <translation>Auf dem Server: „Logs“; suchen Sie die Uhrzeit des Builds.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_judge.py"/>
        <source>Choose notarising, or notarising and stapling, as the level, and apply it.</source>
        <translation>Wählen Sie als Stufe „Signieren und notarisieren“ oder „Notarisieren und anheften“, und übernehmen Sie sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Windows code signing</source>
        <translation>Windows code signing</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Azure Key Vault name</source>
        <translation>Azure Key Vault name</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Certificate name</source>
        <translation>Certificate name</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>macOS code signing level</source>
        <translation>macOS code signing level</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Sign on this server</source>
        <translation>Sign on this server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Password of both certificate files</source>
        <translation>Password of both certificate files</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>API Issuer ID</source>
        <translation>API Issuer ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>API Key ID</source>
        <translation>API Key ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>API Key file</source>
        <translation>API Key file</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>custom builds</source>
        <translation>eigene Builds</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the vendor's pre-built client</source>
        <translation>der vorgefertigte Client des Herstellers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Azure options</source>
        <translation>die Azure-Optionen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Developer ID Installer file</source>
        <translation>die Datei für Developer ID Installer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Developer ID Application file</source>
        <translation>die Datei für Developer ID Application</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Issuer ID</source>
        <translation>die Issuer ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Key ID</source>
        <translation>die Key ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the key itself (.p8)</source>
        <translation>der Schlüssel selbst (.p8)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>automatic (older servers)</source>
        <translation>automatisch (ältere Server)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>disabled</source>
        <translation>deaktiviert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>PKCS#12 file</source>
        <translation>PKCS#12-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>PKCS#11 token</source>
        <translation>PKCS#11-Token</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Azure Key Vault</source>
        <translation>Azure Key Vault</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>SAS Relic server</source>
        <translation>SAS-Relic-Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Sign only</source>
        <translation>Nur signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Sign and notarise</source>
        <translation>Signieren und notarisieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Sign, notarise and staple</source>
        <translation>Notarisieren und anheften</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Fill it in, or apply the other parts alone.</source>
        <translation>Füllen Sie es aus, oder übernehmen Sie nur die anderen Teile.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Give the file again in the profile.</source>
        <translation>Geben Sie die Datei im Profil erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>What was asked of the server last did not work.</source>
        <translation>Was zuletzt vom Server verlangt wurde, ist nicht gelungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Something stands in the way of signing on this server.</source>
        <translation>Dem Signieren auf diesem Server steht etwas im Weg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The server has what this profile holds. Whether it signs is not proved yet.</source>
        <translation>Der Server hat, was dieses Profil enthält. Ob er signiert, ist noch nicht nachgewiesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>the same</source>
        <translation>gleich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Takes minutes.</source>
        <translation>Dauert Minuten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: 1 setting was changed, read back and compared.</source>
        <translation>Übernommen am {time}: 1 Einstellung wurde geändert, zurückgelesen und verglichen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Looking changes nothing. What would be changed is shown first, and can be undone.</source>
        <translation>Nachsehen ändert nichts. Was geändert würde, wird erst gezeigt und kann rückgängig gemacht werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Signing in to the server did not work.</source>
        <translation>Die Anmeldung am Server ist nicht gelungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The server could not be looked at.</source>
        <translation>Der Server konnte nicht angesehen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The last change of the server's settings did not work as it should.</source>
        <translation>Die letzte Änderung der Einstellungen des Servers ist nicht gelungen, wie sie sollte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Not proved: something is wrong with the server's clients.</source>
        <translation>Nicht nachgewiesen: Mit den Clients des Servers stimmt etwas nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Proved: the server signs its clients as you.</source>
        <translation>Nachgewiesen: Der Server signiert seine Clients in Ihrem Namen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The server has what this profile holds, as far as it can be compared. Whether it signs is not proved yet.</source>
        <translation>Der Server hat, was dieses Profil enthält, soweit es sich vergleichen lässt. Ob er signiert, ist noch nicht nachgewiesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>as this computer's</source>
        <translation>wie die dieses Computers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Takes minutes; stapling for macOS can take a quarter of an hour.</source>
        <translation>Dauert einige Minuten; das Anheften für macOS kann eine Viertelstunde dauern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>yes, and the ticket is stapled</source>
        <translation>ja, und das Ticket ist angeheftet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>yes, Apple has the ticket; none is stapled</source>
        <translation>ja, Apple hat das Ticket; es ist keines angeheftet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>no ticket was seen</source>
        <translation>kein Ticket gesehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>Use the address that begins with https://.</source>
        <translation>Verwenden Sie die Adresse, die mit https:// beginnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>If there is none, and only you use this network, tick “Use it without encryption” below.</source>
        <translation>Wenn es keine gibt und nur Sie dieses Netzwerk nutzen, setzen Sie unten den Haken bei „Ohne Verschlüsselung verwenden“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Type the password below.</source>
        <translation>Geben Sie unten das Passwort ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Look at the differences below, and apply what is missing.</source>
        <translation>Sehen Sie sich unten die Unterschiede an, und übernehmen Sie, was fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Tick the part with the secret below and apply it again, or prove it.</source>
        <translation>Haken Sie unten den Teil mit dem Geheimnis an, und übernehmen Sie ihn noch einmal, oder weisen Sie es nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Tick “Build mode” below, and apply it.</source>
        <translation>Setzen Sie unten das Häkchen bei „Build mode“, und übernehmen Sie es.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Key Vault, the step, says what to mend; then look again.</source>
        <translation>Der Schritt „Key Vault“ sagt, was zu beheben ist; sehen Sie dann noch einmal nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: {n} settings were changed, read back and compared.</source>
        <translation>Übernommen am {time}: {n} Einstellungen wurden geändert, zurückgelesen und verglichen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: 1 setting was changed; what the server has of it cannot be compared.</source>
        <translation>Übernommen am {time}: 1 Einstellung wurde geändert; was der Server davon hat, ist nicht vergleichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Nobody has signed in to the server yet.</source>
        <translation>Am Server hat sich noch niemand angemeldet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The certificate was renewed since the server's clients were judged. Prove it again.</source>
        <translation>Das Zertifikat wurde erneuert, seit die Clients des Servers beurteilt wurden. Weisen Sie es noch einmal nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Something changed since the server was looked at. Look again.</source>
        <translation>Seit der Server angesehen wurde, hat sich etwas geändert. Sehen Sie noch einmal nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Looked at {time}.</source>
        <translation>Angesehen am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>This may be wrong.</source>
        <translation>Dies kann falsch sein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>One of the server's settings is not as in this profile.</source>
        <translation>Eine Einstellung des Servers ist anders als in diesem Profil.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Apply gives the server this profile's values.</source>
        <translation>„Übernehmen“ überträgt die Werte des Profils.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Sign in to apply them.</source>
        <translation>Melden Sie sich an, um sie zu übernehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Let it build its own clients to prove it.</source>
        <translation>Lassen Sie ihn seine eigenen Clients erstellen, um es nachzuweisen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Sign in to prove it.</source>
        <translation>Melden Sie sich an, um es nachzuweisen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Signed in as</source>
        <translation>Angemeldet als</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Clock</source>
        <translation>Uhr</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Builds clients</source>
        <translation>Erstellt Clients</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Looked at</source>
        <translation>Angesehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{n} s</source>
        <translation>{n} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Windows: the Azure Key Vault options</source>
        <translation>Windows: die Optionen für Azure Key Vault</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>macOS: the level</source>
        <translation>macOS: die Stufe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>macOS: the two certificates</source>
        <translation>macOS: die zwei Zertifikate</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>macOS: the API key</source>
        <translation>macOS: der API-Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Build mode</source>
        <translation>Build mode</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>1 differs</source>
        <translation>1 weicht ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>1 cannot be compared</source>
        <translation>1 nicht vergleichbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The fields in use, or the likely ones</source>
        <translation>Die verwendeten Felder oder die wahrscheinlichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Signed by</source>
        <translation>Signiert von</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Notarised</source>
        <translation>Notarisiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Undone {time}: the server has its old values again.</source>
        <translation>Rückgängig gemacht am {time}: Der Server hat wieder seine alten Werte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: {n} settings were changed and read back; 1 of them cannot be compared.</source>
        <translation>Übernommen am {time}: {n} Einstellungen wurden geändert und zurückgelesen; 1 davon ist nicht vergleichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: {n} settings were changed and read back; {m} of them cannot be compared.</source>
        <translation>Übernommen am {time}: {n} Einstellungen wurden geändert und zurückgelesen; {m} davon sind nicht vergleichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Proved {time}.</source>
        <translation>Nachgewiesen am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Not as in this profile: {n} of the server's settings.</source>
        <translation>Anders als in diesem Profil: {n} Einstellungen des Servers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>{n} minutes</source>
        <translation>{n} Minuten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{time} ahead</source>
        <translation>geht {time} vor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{time} behind</source>
        <translation>geht {time} nach</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>What is below is of {time}.</source>
        <translation>Das Folgende ist der Stand vom {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Judged {time}.</source>
        <translation>Beurteilt am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{n} differ</source>
        <translation>{n} weichen ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{n} cannot be compared</source>
        <translation>{n} nicht vergleichbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_judge.py"/>
        <source>nobody</source>
        <translation>niemand</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Tried {time}.</source>
        <translation>Versucht am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/work.py"/>
        <source>the former secret, from the keyring</source>
        <translation>das bisherige Geheimnis aus dem Schlüsselbund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/work.py"/>
        <source>the former file</source>
        <translation>die bisherige Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ended on {date}.</source>
        <translation>{what}: am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends on {date}, {left}.</source>
        <translation>{what}: läuft am {date} ab, {left}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what}: when it ends is not known.</source>
        <translation>{what}: Ablauf nicht bekannt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Code-signing certificate</source>
        <translation>Codesignaturzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>What was signed and time-stamped before stays good.</source>
        <translation>Was vorher signiert und mit Zeitstempel versehen wurde, bleibt gültig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Application secret</source>
        <translation>Clientgeheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It has no end; it is good until somebody revokes it.</source>
        <translation>Er läuft nicht ab; er gilt, bis ihn jemand widerruft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple Developer Program membership</source>
        <translation>Mitgliedschaft im Apple Developer Program</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's services do not tell it: see developer.apple.com/account, and type it in.</source>
        <translation>Die Dienste von Apple sagen es nicht: Sehen Sie auf developer.apple.com/account nach, und geben Sie es ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>A request for its next version waits for the CA's answer.</source>
        <translation>Eine Anforderung für die nächste Version wartet auf die Antwort der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>The secret itself does not tell it. An administrator's sign-in on Permissions reads it; or see App registrations &gt; the application &gt; Certificates &amp; secrets, and type it in.</source>
        <translation>Am Geheimnis selbst ist es nicht abzulesen. Die Anmeldung eines Administrators unter „Berechtigungen“ liest es; oder sehen Sie unter „App registrations“ &gt; Anwendung &gt; „Certificates &amp; secrets“ nach, und geben Sie es ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Developer ID Application certificate</source>
        <translation>Zertifikat „Developer ID Application“</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Developer ID Installer certificate</source>
        <translation>Zertifikat „Developer ID Installer“</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Intermediate of the code-signing certificate</source>
        <translation>Zwischenzertifikat des Codesignaturzertifikats</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple says that it has lapsed.</source>
        <translation>Apple sagt, dass sie abgelaufen ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It comes with the CA's answer.</source>
        <translation>Es kommt mit der Antwort der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Sign in: it is read off the vault.</source>
        <translation>Melden Sie sich an: Es wird aus dem Tresor abgelesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Make the next one before, and put it in everywhere.</source>
        <translation>Erstellen Sie vorher das nächste, und tragen Sie es überall ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It is read off the .p12 file.</source>
        <translation>Es wird aus der .p12-Datei abgelesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>No key has been given yet.</source>
        <translation>Es wurde noch kein Schlüssel angegeben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>As typed.</source>
        <translation>Wie eingegeben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's agreement</source>
        <translation>Vereinbarung mit Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>The Account Holder has to accept the present one.</source>
        <translation>Der „Account Holder“ muss die aktuelle akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Known</source>
        <translation>Bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Renew it: certificate renew makes the signing request beside the one that signs meanwhile.</source>
        <translation>Erneuern Sie es: certificate renew erstellt die Zertifikatanforderung neben dem Zertifikat, das so lange weiter signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let the owner of the app registration make a new secret, and put its value in here and at the server.</source>
        <translation>Lassen Sie den Besitzer der App-Registrierung ein neues Geheimnis erstellen, und tragen Sie dessen Wert hier und auf dem Server ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let Apple's Account Holder make a new one: identity request makes what Apple asks for.</source>
        <translation>Lassen Sie den „Account Holder“ bei Apple ein neues erstellen: identity request erstellt, was Apple verlangt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Renew the certificate: a new one comes below the CA's newer intermediate.</source>
        <translation>Erneuern Sie das Zertifikat: Ein neues kommt unter das neuere Zwischenzertifikat der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let the Account Holder renew the membership at developer.apple.com/account.</source>
        <translation>Lassen Sie den „Account Holder“ die Mitgliedschaft auf developer.apple.com/account erneuern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let the Account Holder accept it at developer.apple.com/account.</source>
        <translation>Lassen Sie den „Account Holder“ sie auf developer.apple.com/account akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends in {days} days ({name})</source>
        <translation>{what}: läuft in {days} Tagen ab ({name})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends today ({name})</source>
        <translation>{what}: läuft heute ab ({name})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Several secrets begin alike; this is the first of them to end.</source>
        <translation>Mehrere Geheimnisse beginnen gleich; dieses läuft als erstes ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's intermediate Developer ID (G1)</source>
        <translation>Apples Developer-ID-Zwischenzertifikat (G1)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>A certificate that it issued ends with it at the latest; new ones come from G2.</source>
        <translation>Ein damit ausgestelltes Zertifikat endet spätestens mit ihm; neue kommen von G2.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's intermediate Developer ID (G2)</source>
        <translation>Apples Developer-ID-Zwischenzertifikat (G2)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It issued a certificate of yours.</source>
        <translation>Damit wurde eines Ihrer Zertifikate ausgestellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends on {time}. {note}</source>
        <translation>{what}: läuft am {time} ab. {note}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>it is a folder</source>
        <translation>Es ist ein Ordner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>it is no ordinary file</source>
        <translation>Es ist keine gewöhnliche Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>{why}; what stood there is {former} now</source>
        <translation>{why}; was dort stand, ist jetzt {former}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>there is no folder {folder}</source>
        <translation>Den Ordner {folder} gibt es nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Level and API key</source>
        <translation>Stufe und Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Finish</source>
        <translation>Abschluss</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Apple will notarise nothing until this is mended.</source>
        <translation>Apple notarisiert nichts, bis das behoben ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>The file is signed; Apple will not notarise it until this is mended.</source>
        <translation>Die Datei ist signiert; so notarisiert Apple sie nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Signing will not work until this is mended.</source>
        <translation>So funktioniert das Signieren nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Something changed since this was checked: check it again.</source>
        <translation>Seit der Prüfung hat sich etwas geändert: Prüfen Sie es noch einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nobody has signed in yet.</source>
        <translation>Es hat sich noch niemand angemeldet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nobody has looked at the permissions yet.</source>
        <translation>Die Berechtigungen hat sich noch niemand angesehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nobody has looked at the certificate yet.</source>
        <translation>Das Zertifikat hat sich noch niemand angesehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nothing has been signed yet: Key Vault comes first.</source>
        <translation>Es wurde noch nichts signiert: Zuerst kommt Key Vault.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Both certificates are needed.</source>
        <translation>Es werden beide Zertifikate gebraucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>The server has not proved yet that it signs.</source>
        <translation>Dass der Server signiert, ist noch nicht nachgewiesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>There is no certificate to sign with yet.</source>
        <translation>Es gibt noch kein Zertifikat zum Signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Check the key, or go on and check it later.</source>
        <translation>Prüfen Sie den Schlüssel jetzt oder später.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} cannot be read: {why}.</source>
        <translation>{file} kann nicht gelesen werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is of no kind that is inspected here: {what}.</source>
        <translation>{file} ist von keiner Art, die hier untersucht wird: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} holds settings without secrets; nothing of it is taken over by looking at it.</source>
        <translation>{file} enthält Einstellungen ohne Geheimnisse; durch das Ansehen wird nichts davon übernommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a profile of Codesign Wizard: {name}.</source>
        <translation>{file} ist ein Profil von Codesign Wizard: {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Made</source>
        <translation>Erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Verdict</source>
        <translation>Ergebnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a report of Codesign Wizard on {name}.</source>
        <translation>{file} ist ein Bericht von Codesign Wizard über {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Kind</source>
        <translation>Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Size</source>
        <translation>Größe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>SHA-256</source>
        <translation>SHA-256</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a Windows program that is not signed.</source>
        <translation>{file} ist ein Windows-Programm, das nicht signiert ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a Windows program signed by {publisher}.</source>
        <translation>{file} ist ein Windows-Programm, signiert von {publisher}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Windows program, {machine}</source>
        <translation>Windows-Programm, {machine}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>Description</source>
        <translation>Beschreibung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>somebody unreadable</source>
        <translation>einem unlesbaren Unterzeichner</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{n} bytes</source>
        <translation>{n} Bytes</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Take it in beside your own: codesign-wizard profile import {file}</source>
        <translation>Nehmen Sie es neben Ihren eigenen auf: codesign-wizard profile import {file}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a private key that no password protects: whoever has the file has the key.</source>
        <translation>{file} enthält einen privaten Schlüssel, den kein Passwort schützt: Wer die Datei hat, hat den Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} expired on {date}.</source>
        <translation>Das Zertifikat von {name} ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is valid only from {date}.</source>
        <translation>Das Zertifikat von {name} gilt erst ab {date}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>The key of {name} is too small for new code-signing certificates: {key}.</source>
        <translation>Der Schlüssel von {name} ist zu klein für neue Codesignaturzertifikate: {key}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Windows trusts {name} for code signing, by {root}.</source>
        <translation>Windows vertraut {name} für die Codesignatur, über {root}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>From this file alone Windows would not trust {name} for code signing: {why}.</source>
        <translation>Mit dieser Datei allein würde Windows {name} für die Codesignatur nicht vertrauen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>The certificate of {name} is good for: {purposes}.</source>
        <translation>Das Zertifikat von {name} taugt für: {purposes}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>The certificate of {name} is of Apple's kind {kind}, of team {team}.</source>
        <translation>Das Zertifikat von {name} ist von Apples Art {kind}, vom Team {team}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is a certificate signing request: what a certification authority is sent.</source>
        <translation>{file} ist eine Zertifikatanforderung (CSR): das, was einer Zertifizierungsstelle geschickt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Leaf certificate</source>
        <translation>Endzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is a private key in PEM, encrypted.</source>
        <translation>{file} ist ein privater Schlüssel in PEM, verschlüsselt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is a private key in PEM, not encrypted.</source>
        <translation>{file} ist ein privater Schlüssel in PEM, nicht verschlüsselt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a private key in PEM, encrypted, and beside it:</source>
        <translation>{file} enthält einen privaten Schlüssel in PEM, verschlüsselt, und daneben:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a private key in PEM, not encrypted, and beside it:</source>
        <translation>{file} enthält einen privaten Schlüssel in PEM, nicht verschlüsselt, und daneben:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Root certificate</source>
        <translation>Stammzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Intermediate certificate</source>
        <translation>Zwischenzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Subject</source>
        <translation>Inhaber</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Issuer</source>
        <translation>Aussteller</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Valid</source>
        <translation>Gültig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Thumbprint (SHA-1)</source>
        <translation>Fingerabdruck (SHA-1)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Thumbprint (SHA-256)</source>
        <translation>Fingerabdruck (SHA-256)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is the certificate of {name}.</source>
        <translation>{file} ist das Zertifikat von {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a key and the certificate of {name}.</source>
        <translation>{file} enthält einen Schlüssel und das Zertifikat von {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds the certificate of {name}, and {count} more.</source>
        <translation>{file} enthält das Zertifikat von {name} und {count} weitere.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds {count} certificates; the first is that of {name}.</source>
        <translation>{file} enthält {count} Zertifikate; das erste ist das von {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>not encrypted</source>
        <translation>nicht verschlüsselt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>Keys</source>
        <translation>Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} is a .p12 file with nothing in it.</source>
        <translation>{file} ist eine .p12-Datei, in der nichts ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} holds {count} keys with their certificates.</source>
        <translation>{file} enthält {count} Schlüssel mit ihren Zertifikaten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} holds a key without its certificate.</source>
        <translation>{file} enthält einen Schlüssel ohne sein Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} is a .p12 file with certificates but no key.</source>
        <translation>{file} ist eine .p12-Datei mit Zertifikaten, aber ohne Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} is a .p12 file: a key and its certificates, encrypted.</source>
        <translation>{file} ist eine .p12-Datei: verschlüsselt, mit Schlüssel und Zertifikaten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>a certificate</source>
        <translation>ein Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>no integrity check</source>
        <translation>keine Integritätsprüfung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Programs for Windows</source>
        <translation>Programme für Windows</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Who signed it, when it was time-stamped, and whether Windows trusts that.</source>
        <translation>Wer signiert hat, wann der Zeitstempel gesetzt wurde und ob Windows dem vertraut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Packages and apps for macOS</source>
        <translation>Pakete und Apps für macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Who signed it, what is in it, and what macOS would refuse.</source>
        <translation>Wer signiert hat, was darin ist und was macOS ablehnen würde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Certificates, and what a CA sent</source>
        <translation>Zertifikate und was eine CA geschickt hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whose they are, by whom, until when, and whether Windows trusts them.</source>
        <translation>Wem sie gehören, wer sie ausgestellt hat, bis wann sie gelten und ob Windows ihnen vertraut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Signing requests</source>
        <translation>Zertifikatanforderungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>What they ask for, and with which key.</source>
        <translation>Was sie beantragen und mit welchem Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Keys with their certificates</source>
        <translation>Schlüssel mit ihren Zertifikaten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whose they are, how the file is protected, and what is missing in it.</source>
        <translation>Wem sie gehören, wie die Datei geschützt ist und was darin fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Private keys</source>
        <translation>Private Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whether a password protects them.</source>
        <translation>Ob ein Passwort sie schützt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Profiles and reports of this program</source>
        <translation>Profile und Berichte dieses Programms</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whose they are; a report is opened to be read.</source>
        <translation>Wem sie gehören; ein Bericht wird zum Lesen geöffnet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspection.py"/>
        <source>{file} needs its password to be opened.</source>
        <translation>Zum Öffnen von {file} ist das Passwort nötig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspection.py"/>
        <source>The password does not open {file}, or the file is damaged.</source>
        <translation>Das Passwort öffnet {file} nicht, oder die Datei ist beschädigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspection.py"/>
        <source>{file} begins like {what} but cannot be read.</source>
        <translation>{file} beginnt wie {what}, kann aber nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>{file} cannot be opened as a .p12 file: {why}.</source>
        <translation>{file} lässt sich nicht als .p12-Datei öffnen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>{file} holds no private key, so nothing can be signed with it.</source>
        <translation>{file} enthält keinen privaten Schlüssel; damit kann nichts signiert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>{file} holds no certificate for its key.</source>
        <translation>{file} enthält kein Zertifikat für den Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>The key in {file} is of a kind that does not sign programs.</source>
        <translation>Der Schlüssel in {file} ist von einer Art, die keine Programme signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>it is of another kind</source>
        <translation>Sie ist von anderer Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>the password that came is no text in UTF-8</source>
        <translation>Das übergebene Passwort ist kein Text in UTF-8</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>Give the password in UTF-8, or type it where it is asked for.</source>
        <translation>Übergeben Sie das Passwort in UTF-8, oder geben Sie es dort ein, wo danach gefragt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>it is damaged or of another kind</source>
        <translation>Sie ist beschädigt oder von anderer Art</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>the password is wrong, or the file is damaged</source>
        <translation>Das Passwort ist falsch, oder die Datei ist beschädigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>Type the password it was exported with.</source>
        <translation>Geben Sie das Passwort ein, mit dem die Datei exportiert wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>Export the certificate with its key.</source>
        <translation>Exportieren Sie das Zertifikat mit seinem Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>The signed file was not kept, because macOS would not accept it.</source>
        <translation>Die signierte Datei wurde nicht behalten, weil macOS sie nicht akzeptieren würde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>This version signs only: it does not notarise or staple yet, as the level “{level}” asks.</source>
        <translation>Diese Version signiert nur: Notarisieren und Anheften, wie es die Stufe „{level}“ verlangt, kann sie noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>{file} is not the file that the former trial signed, so everything is done anew.</source>
        <translation>{file} ist nicht die Datei, die der frühere Probelauf signiert hat; deshalb wird alles neu gemacht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>{file} is signed already: the trial goes on where the former run ended.</source>
        <translation>{file} ist schon signiert: Der Probelauf geht dort weiter, wo der frühere endete.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>a program alone is not taken; put it into a package, an app or a .zip</source>
        <translation>Ein Programm allein wird nicht angenommen; packen Sie es in ein Paket, eine App oder eine .zip</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>a .zip holds no ticket; give the app itself, or go to the level “notarise” only</source>
        <translation>Eine .zip nimmt kein Ticket auf; geben Sie die App selbst an, oder gehen Sie nur bis zur Stufe „notarise“</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>done before</source>
        <translation>schon erledigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>not sent</source>
        <translation>nicht gesendet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>{count} signed</source>
        <translation>{count} signiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The Apple certificate expired on {date}.</source>
        <translation>Das Apple-Zertifikat ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate expired on {date}.</source>
        <translation>Das Zertifikat ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Apple certificate</source>
        <translation>Apple-Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>certificate</source>
        <translation>Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>expired</source>
        <translation>abgelaufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The application secret expired on {date}.</source>
        <translation>Das Clientgeheimnis ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>CA's intermediate certificate</source>
        <translation>Zwischenzertifikat der CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The CA's intermediate certificate expired on {date}.</source>
        <translation>Das Zwischenzertifikat der CA ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Apple membership</source>
        <translation>Apple-Mitgliedschaft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The Apple membership expired on {date}.</source>
        <translation>Die Apple-Mitgliedschaft ist am {date} abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Azure subscription with a Premium Key Vault</source>
        <translation>Azure-Abonnement mit einem Key Vault der Stufe Premium</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>about 5 USD a month</source>
        <translation>etwa 5 USD im Monat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The private key lives in its hardware and never leaves it.</source>
        <translation>Der private Schlüssel liegt in dessen Hardware und verlässt sie nie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Application registration with a secret</source>
        <translation>Anwendungsregistrierung mit einem Geheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>What the server signs in as. The secret expires after two years at most.</source>
        <translation>Damit meldet sich der Server an. Das Geheimnis läuft nach höchstens zwei Jahren ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Code-signing certificate from a public authority</source>
        <translation>Codesignaturzertifikat einer öffentlichen Zertifizierungsstelle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>about 200 to 600 USD a year</source>
        <translation>etwa 200 bis 600 USD im Jahr</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>days to two weeks</source>
        <translation>einige Tage bis zwei Wochen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Such as DigiCert, GlobalSign, Sectigo or SSL.com. They check the organisation, and ask for proof that the key is in hardware.</source>
        <translation>Etwa DigiCert, GlobalSign, Sectigo oder SSL.com. Sie prüfen die Organisation und verlangen einen Nachweis, dass der Schlüssel in Hardware liegt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Apple Developer Program</source>
        <translation>Apple Developer Program</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>99 USD a year</source>
        <translation>99 USD im Jahr</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>days to weeks</source>
        <translation>einige Tage bis Wochen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Organisations need a D-U-N-S number first; every new agreement must be accepted.</source>
        <translation>Organisationen brauchen zuerst eine D-U-N-S-Nummer; jede neue Vereinbarung muss akzeptiert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Developer ID Installer and Developer ID Application certificates</source>
        <translation>Zertifikate für Developer ID Installer und Developer ID Application</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Only the Account Holder can create them, five of each kind at most. No Mac is needed: the requests can be made here.</source>
        <translation>Nur der „Account Holder“ kann sie erstellen, höchstens fünf von jeder Art. Ein Mac ist nicht nötig: Die Anforderungen lassen sich hier erstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>With the right to change branding, on a server with the Software Build role.</source>
        <translation>Mit dem Recht, das Branding zu ändern, auf einem Server mit der Rolle „Software Build“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>no cost</source>
        <translation>kostenlos</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>minutes</source>
        <translation>einige Minuten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>A team key with access “Developer”. An administrator makes it; it downloads once.</source>
        <translation>Ein Team-Schlüssel mit Zugriff „Developer“. Ein Administrator erstellt ihn; er lässt sich einmal herunterladen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>Trying again in {seconds} s</source>
        <translation>Neuer Versuch in {seconds} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network.py"/>
        <source>an answer leads there, and no token is for it</source>
        <translation>eine Antwort führt dorthin, und kein Token ist dafür bestimmt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network.py"/>
        <source>it is no http address</source>
        <translation>Es ist keine http-Adresse</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network.py"/>
        <source>It must hold certificates in PEM.</source>
        <translation>Sie muss Zertifikate in PEM enthalten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>{hours} h {minutes} min</source>
        <translation>{hours} h {minutes} min</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Tokens, certificates and time stamps are refused by a clock that is wrong.</source>
        <translation>Tokens, Zertifikate und Zeitstempel werden bei falscher Uhr abgelehnt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>ahead</source>
        <translation>vor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>behind</source>
        <translation>nach</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>{minutes} min</source>
        <translation>{minutes} min</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Let this computer set its clock from the network.</source>
        <translation>Lassen Sie diesen Computer seine Uhr über das Netzwerk stellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Windows: Settings, Time &amp; language, Date &amp; time, Sync now; or: w32tm /resync</source>
        <translation>Windows: „Einstellungen“, „Zeit und Sprache“, „Datum und Uhrzeit“, „Jetzt synchronisieren“; oder: w32tm /resync</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>macOS: System Settings, General, Date &amp; Time: Set time and date automatically.</source>
        <translation>macOS: „Systemeinstellungen“, „Allgemein“, „Datum &amp; Uhrzeit“: „Datum und Uhrzeit automatisch einstellen“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Linux: timedatectl set-ntp true</source>
        <translation>Linux: timedatectl set-ntp true</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_explain.py"/>
        <source>what answers speaks another protocol</source>
        <translation>Was antwortet, spricht ein anderes Protokoll</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_download.py"/>
        <source>the answer is larger than any should be</source>
        <translation>Die Antwort ist größer, als eine sein sollte</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The name {host} is not known.</source>
        <translation>Der Name {host} ist nicht bekannt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{host} refuses the connection.</source>
        <translation>{host} lehnt die Verbindung ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{host} did not answer within {seconds} s.</source>
        <translation>{host} hat nicht innerhalb von {seconds} s geantwortet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The connection to {host} was torn down.</source>
        <translation>Die Verbindung zu {host} wurde abgebrochen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The certificate that {host} shows is not trusted by this computer.</source>
        <translation>Dem Zertifikat, das {host} zeigt, vertraut dieser Computer nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The proxy {proxy} wants a user name and a password.</source>
        <translation>Der Proxy {proxy} verlangt Benutzername und Passwort.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The proxy {proxy} does not let {host} through.</source>
        <translation>Der Proxy {proxy} lässt {host} nicht durch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The proxy {proxy} cannot be reached.</source>
        <translation>Der Proxy {proxy} ist nicht erreichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{proxy} is not the address of a proxy that can be used.</source>
        <translation>{proxy} ist keine Adresse eines Proxys, der verwendet werden kann.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>This computer's clock is {offset} {direction}, compared with {host}.</source>
        <translation>Die Uhr dieses Computers geht {offset} {direction}, verglichen mit {host}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The CA bundle {file} cannot be read.</source>
        <translation>Das CA-Bündel {file} kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{host} could not be asked: {why}.</source>
        <translation>{host} konnte nicht gefragt werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>A proxy or virus scanner that inspects TLS does this: it must be trusted here.</source>
        <translation>Das macht ein Proxy oder Virenscanner, der TLS untersucht: Ihm muss hier vertraut werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Write it as http://host:port; other kinds than http and https are not supported.</source>
        <translation>Schreiben Sie sie als http://host:port; andere Arten als http und https werden nicht unterstützt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It goes through the proxy {proxy}: that, or something behind it, ended it.</source>
        <translation>Der Weg führt über den Proxy {proxy}: Dieser oder etwas dahinter hat die Verbindung beendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It was issued by {issuer}. A proxy or virus scanner that inspects TLS does this; trust it here.</source>
        <translation>Ausgestellt hat es {issuer}. Das macht ein Proxy oder Virenscanner, der TLS untersucht; vertrauen Sie ihm hier.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Give the inspecting proxy's CA certificate to the wizard.</source>
        <translation>Geben Sie dem Assistenten das CA-Zertifikat des untersuchenden Proxys.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Or ask them not to inspect the hosts that this page names.</source>
        <translation>Oder bitten Sie darum, die auf dieser Seite genannten Hosts nicht zu untersuchen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Put the login into the proxy's address.</source>
        <translation>Schreiben Sie die Anmeldedaten in die Adresse des Proxys.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Try again; if it stays slow, give it longer under Settings, Time-out, or --timeout.</source>
        <translation>Versuchen Sie es erneut; wenn es langsam bleibt, geben Sie mehr Zeit: unter „Einstellungen“, „Zeitlimit“, oder mit --timeout.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Compare the proxy's address with what your network people give for it.</source>
        <translation>Vergleichen Sie die Adresse des Proxys mit der, die Ihre Netzwerkabteilung dafür nennt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Try again; if it stays, show your network people these words.</source>
        <translation>Versuchen Sie es noch einmal; bleibt es dabei, zeigen Sie Ihrer Netzwerkabteilung diesen Wortlaut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Choose the file under Settings, CA bundle; or pass --ca-bundle FILE.</source>
        <translation>Wählen Sie die Datei unter „Einstellungen“, „CA-Bündel“; oder übergeben Sie --ca-bundle FILE.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The backup server needs the same certificate, if it is behind the same proxy.</source>
        <translation>Der Backup-Server braucht dasselbe Zertifikat, wenn er hinter demselben Proxy steht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Settings, Proxy: http://USER:PASSWORD@HOST:PORT; or set HTTPS_PROXY so.</source>
        <translation>„Einstellungen“, „Proxy“: http://USER:PASSWORD@HOST:PORT; oder setzen Sie HTTPS_PROXY so.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>A proxy that wants a Windows sign-in (NTLM, Kerberos) needs a local relay such as Px.</source>
        <translation>Ein Proxy, der eine Windows-Anmeldung (NTLM, Kerberos) verlangt, braucht ein lokales Relay wie Px.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It stands under Settings, Proxy; or in --proxy; or in HTTPS_PROXY.</source>
        <translation>Sie steht unter „Einstellungen“, „Proxy“, oder in --proxy, oder in HTTPS_PROXY.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It may be known only inside the company's network, or over its VPN.</source>
        <translation>Vielleicht ist er nur im Firmennetz oder über dessen VPN bekannt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Compare the proxy's address and port with what your network people give for it.</source>
        <translation>Vergleichen Sie Adresse und Port des Proxys mit denen, die Ihre Netzwerkabteilung dafür nennt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Compare the name, and whether this computer is online; else ask your network people whether {host} may be looked up from here.</source>
        <translation>Prüfen Sie den Namen, und ob dieser Computer online ist; fragen Sie sonst Ihre Netzwerkabteilung, ob {host} von hier aus aufgelöst werden darf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Ask your network people to allow {host}, port 443.</source>
        <translation>Bitten Sie Ihre Netzwerkabteilung, {host}, Port 443, zuzulassen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Try again; if it stays, ask your network people what ends connections to {host}.</source>
        <translation>Versuchen Sie es erneut; wenn es dabei bleibt, fragen Sie Ihre Netzwerkabteilung, was die Verbindungen zu {host} beendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Ask your network people for the CA certificate in PEM ({issuer}).</source>
        <translation>Bitten Sie Ihre Netzwerkabteilung um das CA-Zertifikat in PEM ({issuer}).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>its name is in their proxy's settings</source>
        <translation>Der Name steht in den Einstellungen des Proxys</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>The profile {name} cannot be read.</source>
        <translation>Das Profil {name} kann nicht gelesen werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>The profile {name} was written by a later version of Codesign Wizard.</source>
        <translation>Das Profil {name} wurde von einer späteren Version von Codesign Wizard geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>it is not a JSON object</source>
        <translation>Es ist kein JSON-Objekt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>its schema number is missing</source>
        <translation>Die Schemanummer fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>Open it with that version; nothing was changed here.</source>
        <translation>Öffnen Sie es mit jener Version; hier wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_document.py"/>
        <source>{where} has the wrong type</source>
        <translation>{where} hat den falschen Typ</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_document.py"/>
        <source>{where} is not an object</source>
        <translation>{where} ist kein Objekt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Key in the vault's hardware</source>
        <translation>Schlüssel in der Hardware des Tresors</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>The profile {name} was changed in another window as well; both changes are kept.</source>
        <translation>Das Profil {name} wurde auch in einem anderen Fenster geändert; beide Änderungen sind gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>The profile {name} was changed here and in another window, one setting in two ways.</source>
        <translation>Das Profil {name} wurde hier und in einem anderen Fenster geändert, eine Einstellung auf zwei Weisen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>The profile {name} was forgotten in another window; it is saved anew from this one.</source>
        <translation>Das Profil {name} wurde in einem anderen Fenster entfernt; aus diesem ist es neu gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>What stands here was kept. What was typed there is below, in case it was right.</source>
        <translation>Was hier steht, wurde behalten. Was dort eingegeben wurde, steht unten, falls es richtig war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>Look which value is right, and close one of the two windows.</source>
        <translation>Sehen Sie nach, welcher Wert richtig ist, und schließen Sie eines der beiden Fenster.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>Taken over from there: {what}.</source>
        <translation>Von dort übernommen: {what}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>here {ours}, there {theirs}</source>
        <translation>hier {ours}, dort {theirs}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>There is no profile called {name}.</source>
        <translation>Es gibt kein Profil namens {name}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>The profile {name} could not be saved.</source>
        <translation>Das Profil {name} konnte nicht gespeichert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Its secrets were removed with it: they are asked for again where they are needed.</source>
        <translation>Seine Geheimnisse wurden mit ihm entfernt: Nach ihnen wird wieder gefragt, wo sie gebraucht werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Several profiles have this name: give the id. Profiles: {known}</source>
        <translation>Mehrere Profile haben diesen Namen: Geben Sie die ID an. Profile: {known}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Profiles: {known}</source>
        <translation>Profile: {known}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>If it is not wanted any more, forget it here as well, on the page Start.</source>
        <translation>Wenn Sie es nicht mehr brauchen, entfernen Sie es auch hier, auf der Seite „Start“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Its id is not a file name.</source>
        <translation>Die ID ist kein Dateiname.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Not readable as JSON: {error}</source>
        <translation>Nicht als JSON lesbar: {error}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>The report is saved as {file}.</source>
        <translation>Der Bericht ist als {file} gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} cannot be written: {why}.</source>
        <translation>{file} kann nicht geschrieben werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>This is a report of another day and perhaps another computer: nothing is run from it.</source>
        <translation>Dies ist ein Bericht von einem anderen Tag und vielleicht einem anderen Computer: Daraus wird nichts ausgeführt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>The keyring did not answer, so the report could not be searched for the secrets in it.</source>
        <translation>Der Schlüsselbund hat nicht geantwortet; der Bericht konnte deshalb nicht auf die Geheimnisse darin durchsucht werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>its name must end in .html or .json</source>
        <translation>Der Name muss auf .html oder .json enden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Vault</source>
        <translation>Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Application</source>
        <translation>Anwendung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Tenant</source>
        <translation>Mandant</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Apple team</source>
        <translation>Apple-Team</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>Apple key</source>
        <translation>Apple-Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>Proxy</source>
        <translation>Proxy</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>practice accounts</source>
        <translation>Übungskonten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Step</source>
        <translation>Schritt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Checked</source>
        <translation>Geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>1 day</source>
        <translation>1 Tag</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Seen by</source>
        <translation>Gesehen von</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Made {time} by Codesign Wizard {version}. Times are UTC. No secrets are in it.</source>
        <translation>Erstellt am {time} mit Codesign Wizard {version}. Zeiten sind in UTC. Es stehen keine Geheimnisse darin.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Signing report: {name}</source>
        <translation>Signierbericht: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What is in order, and notes ({n})</source>
        <translation>Was in Ordnung ist, und Hinweise ({n})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>{n} days</source>
        <translation>{n} Tage</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What to do:</source>
        <translation>Was zu tun ist:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Permissions in the vault</source>
        <translation>Berechtigungen im Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What was seen</source>
        <translation>Was zu sehen war</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Settings, without secrets</source>
        <translation>Einstellungen, ohne Geheimnisse</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Versions</source>
        <translation>Versionen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Made on practice accounts: nothing in it is real.</source>
        <translation>Mit Übungskonten erstellt: Nichts darin ist echt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What stands in the way</source>
        <translation>Was im Weg steht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>{file} cannot be opened as a report: {why}.</source>
        <translation>{file} lässt sich nicht als Bericht öffnen: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>{file} was written by a later version of Codesign Wizard.</source>
        <translation>{file} wurde von einer späteren Version von Codesign Wizard geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>it is none of Codesign Wizard's</source>
        <translation>Es ist keiner von Codesign Wizard</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>Report of {time} UTC, made by version {version} on {system}</source>
        <translation>Bericht vom {time} UTC, erstellt mit Version {version} auf {system}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>it is too large to be one</source>
        <translation>Dafür ist sie zu groß</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is empty</source>
        <translation>Es ist nichts darin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>it is no text in UTF-8</source>
        <translation>Es ist kein Text in UTF-8</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>it is cut short or damaged</source>
        <translation>Er ist abgeschnitten oder beschädigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>something in it is not as the program writes it</source>
        <translation>etwas darin ist nicht so, wie das Programm es schreibt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>{text}, with practice accounts</source>
        <translation>{text}, mit Übungskonten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>Open it with that version.</source>
        <translation>Öffnen Sie ihn mit jener Version.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>Ask for the report again: as the file itself, not its text.</source>
        <translation>Bitten Sie noch einmal um den Bericht: als Datei selbst, nicht als deren Text.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>The product name cannot be put into the sample installer.</source>
        <translation>Der Produktname lässt sich nicht in das Muster-Installationsprogramm einsetzen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>{version} is not a Windows file version.</source>
        <translation>{version} ist keine Windows-Dateiversion.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>It is empty. Give the product's name as customers know it.</source>
        <translation>Er ist leer. Geben Sie den Namen des Produkts an, wie die Kunden ihn kennen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>It has a control character or a line break in it. Type it again by hand.</source>
        <translation>Er enthält ein Steuerzeichen oder einen Zeilenumbruch. Geben Sie ihn von Hand neu ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>Give up to four numbers between 0 and 65535 with dots between them, such as 1.2.0.0.</source>
        <translation>Geben Sie bis zu vier Zahlen zwischen 0 und 65535 an, mit Punkten dazwischen, etwa 1.2.0.0.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>It is longer than {limit} characters. Use a shorter one.</source>
        <translation>Er ist länger als {limit} Zeichen. Nehmen Sie einen kürzeren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>Secrets are kept in memory for this run only.</source>
        <translation>Geheimnisse bleiben im Arbeitsspeicher, nur bis zum Beenden des Programms.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>{place} did not store the secret.</source>
        <translation>Das Geheimnis wurde nicht gespeichert. Ort: {place}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>The secret is longer than {place} can hold.</source>
        <translation>Das Geheimnis ist zu lang für diesen Ort: {place}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>memory, for this run only</source>
        <translation>nur bis zum Beenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>the system's keyring</source>
        <translation>im Systemschlüsselbund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>This system has no keyring.</source>
        <translation>Dieses System hat keinen Schlüsselbund.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>the macOS Keychain</source>
        <translation>im macOS-Schlüsselbund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>no answer within {seconds} s</source>
        <translation>keine Antwort innerhalb von {seconds} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>What it returns is not what it was given.</source>
        <translation>Was zurückkommt, ist nicht, was übergeben wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>The system's keyring does not answer: {error}</source>
        <translation>Der Schlüsselbund des Systems antwortet nicht: {error}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>Unlock the keyring, then try again.</source>
        <translation>Entsperren Sie den Schlüsselbund, und versuchen Sie es dann erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>“Sign only”: macOS 10.15 and later will stop what customers download.</source>
        <translation>„Nur signieren“: macOS 10.15 und neuer blockiert, was Kunden herunterladen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>at the CA</source>
        <translation>bei der CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>1 of 2</source>
        <translation>1 von 2</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>with a warning</source>
        <translation>mit einer Warnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>does not sign yet</source>
        <translation>signiert noch nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>not started</source>
        <translation>nicht begonnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>in progress</source>
        <translation>in Arbeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>needs attention</source>
        <translation>braucht Aufmerksamkeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>to be corrected</source>
        <translation>zu korrigieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>out of date</source>
        <translation>veraltet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>secret: {when}</source>
        <translation>Geheimnis: {when}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>certificate: {when}</source>
        <translation>Zertifikat: {when}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Diagnosis for macOS</source>
        <translation>Diagnose für macOS</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Diagnosis of the Comet Server</source>
        <translation>Diagnose des Comet Servers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Check it again: what is shown is what was.</source>
        <translation>Prüfen Sie es noch einmal: Gezeigt wird der frühere Stand.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Nothing is chosen to be signed yet.</source>
        <translation>Es ist noch nichts zum Signieren ausgewählt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ended on {date}: what replaces it is asked for.</source>
        <translation>{what} endete am {date}: Der Ersatz ist angefordert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ends on {date}: what replaces it is asked for.</source>
        <translation>{what} endet am {date}: Der Ersatz ist angefordert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ended on {date}: renew it.</source>
        <translation>{what}: am {date} abgelaufen, jetzt erneuern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ends on {date}: renew it before.</source>
        <translation>{what}: läuft am {date} ab, vorher erneuern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>You</source>
        <translation>Sie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Azure administrator</source>
        <translation>Azure-Administrator</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Apple's Account Holder</source>
        <translation>„Account Holder“ bei Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Certificate authority</source>
        <translation>Zertifizierungsstelle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Administrator of the Comet Server</source>
        <translation>Administrator des Comet Servers</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>1 more step needs attention.</source>
        <translation>1 weiterer Schritt braucht Aufmerksamkeit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Needs attention: {step}. {what}</source>
        <translation>Braucht Aufmerksamkeit: {step}. {what}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Signing works for {systems}: all was checked and proved.</source>
        <translation>Das Signieren für {systems} funktioniert: Alles wurde geprüft und nachgewiesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{done} of {all} steps are done.</source>
        <translation>{done} von {all} Schritten sind erledigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Check the order and issue the certificate for the signing request.</source>
        <translation>Die Bestellung prüfen und das Zertifikat für die Zertifikatanforderung ausstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Go on with {step}.</source>
        <translation>Machen Sie weiter mit: {step}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} has ended.</source>
        <translation>{what}: abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Something changed since the check of {step}.</source>
        <translation>Seit der Prüfung von „{step}“ hat sich etwas geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ends on {date}.</source>
        <translation>{what}: läuft am {date} ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Check again: {step}. Something changed since.</source>
        <translation>Prüfen Sie noch einmal: {step}. Seither hat sich etwas geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what}: look up when it ends, and type it in above.</source>
        <translation>{what}: Sehen Sie das Ablaufdatum nach, und geben Sie es oben ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{n} more steps need attention.</source>
        <translation>{n} weitere Schritte brauchen Aufmerksamkeit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Hand in the CA's answer when it comes.</source>
        <translation>Übergeben Sie die Antwort der CA, wenn sie kommt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>today</source>
        <translation>heute</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>in 1 day</source>
        <translation>in 1 Tag</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>ends today</source>
        <translation>endet heute</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>1 day left</source>
        <translation>noch 1 Tag</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{whole}.{tenths} kB</source>
        <translation>{whole},{tenths} kB</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{whole}.{tenths} s</source>
        <translation>{whole},{tenths} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{whole}.{tenths} MB</source>
        <translation>{whole},{tenths} MB</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>in {n} days</source>
        <translation>in {n} Tagen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{n} days left</source>
        <translation>noch {n} Tage</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>SmartScreen may still warn at first: it goes by reputation, which grows with downloads.</source>
        <translation>SmartScreen warnt anfangs vielleicht noch: Es richtet sich nach der Reputation, die mit den Downloads wächst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>The signed file was not kept, because Windows would not accept it.</source>
        <translation>Die signierte Datei wurde nicht behalten, weil Windows sie nicht akzeptieren würde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>accepted</source>
        <translation>akzeptiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>Opening the key</source>
        <translation>Schlüssel wird geöffnet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>refused</source>
        <translation>abgelehnt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>Signing with {key}</source>
        <translation>Signieren mit {key}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The folder {folder} cannot be written: {why}.</source>
        <translation>In den Ordner {folder} kann nicht geschrieben werden: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial_parts.py"/>
        <source>The output would be {file} itself, which is to be signed.</source>
        <translation>Die Ausgabe wäre {file} selbst, also die Datei, die signiert werden soll.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>not readable</source>
        <translation>nicht lesbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial_parts.py"/>
        <source>Choose another name or another folder.</source>
        <translation>Wählen Sie einen anderen Namen oder einen anderen Ordner.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>1 warning</source>
        <translation>1 Warnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>1 problem</source>
        <translation>1 Problem</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>Below: {parts}.</source>
        <translation>Weiter unten: {parts}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>1 more problem</source>
        <translation>1 weiteres Problem</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>Besides: {parts}.</source>
        <translation>Außerdem: {parts}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>{n} warnings</source>
        <translation>{n} Warnungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>{n} problems</source>
        <translation>{n} Probleme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>{n} more problems</source>
        <translation>{n} weitere Probleme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/opening.py"/>
        <source>A report holds no secrets.</source>
        <translation>Ein Bericht enthält keine Geheimnisse.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/overrides.py"/>
        <source>{value} cannot be used for {name}.</source>
        <translation>{value} lässt sich nicht für {name} verwenden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/overrides.py"/>
        <source>It must be one of {values}.</source>
        <translation>Es muss eines von {values} sein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/overrides.py"/>
        <source>Give seconds, more than 0 and at most 3600, such as 20.</source>
        <translation>Geben Sie Sekunden an, mehr als 0 und höchstens 3600, etwa 20.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Apple certificates</source>
        <translation>Apple-Zertifikate</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Two Developer ID identities of one team. They are read here and stay on this computer.</source>
        <translation>Zwei Developer-ID-Identitäten eines Teams. Sie werden hier gelesen und bleiben auf diesem Computer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>No Mac? Make the signing requests here</source>
        <translation>Kein Mac? Erstellen Sie die Zertifikatanforderungen hier</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Reading the certificates</source>
        <translation>Zertifikate werden gelesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Trying the password</source>
        <translation>Passwort wird ausprobiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Put both under one password…</source>
        <translation>Beide unter ein Passwort…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Let the files' team be the profile's</source>
        <translation>Team der Dateien ins Profil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Write each to a file of its own…</source>
        <translation>Jede in eine eigene Datei…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Something changed since the certificates were read.</source>
        <translation>Seit die Zertifikate gelesen wurden, hat sich etwas geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Read {time}.</source>
        <translation>Gelesen am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Making keys and requests</source>
        <translation>Schlüssel und Anforderungen werden erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Where the signing requests go</source>
        <translation>Wohin die Zertifikatanforderungen kommen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Saving the requests</source>
        <translation>Anforderungen werden gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>1 file saved in {folder}</source>
        <translation>1 Datei in {folder} gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>{n} files saved in {folder}</source>
        <translation>{n} Dateien in {folder} gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Drop the signing requests?</source>
        <translation>Zertifikatanforderungen verwerfen?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>&amp;Drop them</source>
        <translation>Ver&amp;werfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Dropping the requests</source>
        <translation>Anforderungen werden verworfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>The practice authority answers</source>
        <translation>Die Übungs-CA antwortet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Where the .p12 files go</source>
        <translation>Wohin die .p12-Dateien kommen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Keep them safe: with them and their password anybody can sign in your name.</source>
        <translation>Bewahren Sie sie sicher auf: Mit ihnen und ihrem Passwort kann jeder in Ihrem Namen signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Both under one password</source>
        <translation>Beide unter einem Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>They are written anew, with their whole chain; the files you have stay as they are.</source>
        <translation>Sie werden neu geschrieben, mit der ganzen Kette; Ihre bisherigen Dateien bleiben, wie sie sind.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Write these files?</source>
        <translation>Diese Dateien schreiben?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Write them no&amp;w</source>
        <translation>Jetzt schrei&amp;ben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Writing the .p12 files</source>
        <translation>.p12-Dateien werden geschrieben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Kee&amp;p them</source>
        <translation>&amp;Behalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Lost for good: their keys. A certificate that Apple makes for them can then never be used, and counts among the five of each kind that an account may have.</source>
        <translation>Endgültig verloren: die zugehörigen Schlüssel. Ein Zertifikat, das Apple dafür ausstellt, kann dann nie verwendet werden und zählt zu den fünf von jeder Art, die ein Konto haben darf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>that of {file}</source>
        <translation>das von {file}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Replaced: {files}.</source>
        <translation>Ersetzt: {files}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>1. The two signing requests</source>
        <translation>1. Die zwei Zertifikatanforderungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Drop the requests…</source>
        <translation>Anforderungen verwerfen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>2. On Apple's site</source>
        <translation>2. Auf der Website von Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Open Apple's page</source>
        <translation>Apples Seite öffnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>3. What Apple gave you</source>
        <translation>3. Was Apple Ihnen gegeben hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Drop the two .cer files here</source>
        <translation>Die zwei .cer-Dateien hier ablegen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Apple's certificates (*.cer *.crt *.pem *.der);;All files (*)</source>
        <translation>Apple-Zertifikate (*.cer *.crt *.pem *.der);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Let the practice &amp;authority answer</source>
        <translation>Üb&amp;ungs-CA antworten lassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Practice: nobody has to click at Apple.</source>
        <translation>Übung: Niemand muss bei Apple etwas anklicken.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Their keys wait on this computer, encrypted. You can close the wizard meanwhile.</source>
        <translation>Die Schlüssel dazu warten verschlüsselt auf diesem Computer. Sie können den Assistenten so lange schließen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Two keys are made on this computer, and a request for each. The keys wait here, encrypted under a password that is kept with your other secrets.</source>
        <translation>Auf diesem Computer werden zwei Schlüssel erstellt und für jeden eine Anforderung. Die Schlüssel warten hier, verschlüsselt mit einem Passwort, das mit Ihren übrigen Geheimnissen aufbewahrt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>&amp;Make the other request</source>
        <translation>Andere Anforderung &amp;erstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>&amp;Make the signing requests</source>
        <translation>An&amp;forderungen erstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Each certificate finds its key here by itself. Both become .p12 files, with their chain.</source>
        <translation>Jedes Zertifikat findet seinen Schlüssel hier von selbst. Beide werden zu .p12-Dateien, mit ihrer Kette.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>made {date}</source>
        <translation>erstellt am {date}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Sa&amp;ve both files…</source>
        <translation>Beide Dateien s&amp;peichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Sa&amp;ve the file…</source>
        <translation>Datei s&amp;peichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What will be asked about</source>
        <translation>Wonach gefragt wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What the answers mean</source>
        <translation>Was die Antworten bedeuten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What will be judged</source>
        <translation>Was beurteilt wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What the vault may hold</source>
        <translation>Was der Tresor enthalten kann</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>In the words of an access policy; Azure RBAC has its own for the same.</source>
        <translation>In den Worten einer Zugriffsrichtlinie; Azure RBAC hat für dasselbe eigene.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>What the vault holds, and the way to the next certificate. You confirm every change first.</source>
        <translation>Was der Tresor enthält, und der Weg zum nächsten Zertifikat. Jede Änderung bestätigen Sie vorher.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Nothing changes in the vault.</source>
        <translation>Im Tresor ändert sich nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Looking what the vault holds</source>
        <translation>Inhalt des Tresors wird angesehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Asking for the proof</source>
        <translation>Nachweis wird angefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Reads the vault and asks the CA about revocation. Changes nothing.</source>
        <translation>Liest den Tresor und fragt die CA nach dem Widerruf. Ändert nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Then the vault can be read. That changes nothing.</source>
        <translation>Dann lässt sich der Tresor lesen. Dabei wird nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Loo&amp;k in the vault</source>
        <translation>Im Tresor nach&amp;sehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>the pasted text</source>
        <translation>der eingefügte Text</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>the practice CA's answer</source>
        <translation>die Antwort der Übungs-CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>Checking the CA's answer</source>
        <translation>Antwort der CA wird geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>Merge this into the vault?</source>
        <translation>Dies im Tresor zusammenführen?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>It fits the request. The certificate and its issuers go there; the root stays out.</source>
        <translation>Es passt zur Anforderung. Das Zertifikat und seine Aussteller kommen hinein; das Stammzertifikat bleibt draußen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>Mer&amp;ge it now</source>
        <translation>Jetzt z&amp;usammenführen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Merging the answer</source>
        <translation>Antwort wird zusammengeführt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>the CA's refusal</source>
        <translation>die Ablehnung der CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Save the signing request</source>
        <translation>Zertifikatanforderung speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Signing requests (*.csr *.pem)</source>
        <translation>Zertifikatanforderungen (*.csr *.pem)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Saving {name}</source>
        <translation>{name} wird gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>PEM, certificate and issuer</source>
        <translation>PEM, Zertifikat und Aussteller</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>DER, the certificate alone</source>
        <translation>DER, nur das Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>PKCS #7 (.p7b)</source>
        <translation>PKCS #7 (.p7b)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>PKCS #7 as text (.p7b)</source>
        <translation>PKCS #7 als Text (.p7b)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>a zip with a readme</source>
        <translation>eine ZIP-Datei mit Readme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>three files</source>
        <translation>drei Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>text in a mail</source>
        <translation>Text in einer E-Mail</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>root first</source>
        <translation>Stammzertifikat zuerst</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>twice, with strangers</source>
        <translation>doppelt, mit Fremden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Make a signing request</source>
        <translation>Zertifikatanforderung (CSR) erstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>&amp;Write a signing request…</source>
        <translation>Anfo&amp;rderung schreiben…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Is there one already?</source>
        <translation>Gibt es schon eines?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Change the na&amp;me…</source>
        <translation>Na&amp;men ändern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>&amp;Check, then show what is made…</source>
        <translation>&amp;Prüfen und zeigen, was entsteht…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Close the fo&amp;rm</source>
        <translation>&amp;Formular schließen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The CA's answer</source>
        <translation>Antwort der CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>&amp;Merge it…</source>
        <translation>Z&amp;usammenführen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Form of the practice CA's answer</source>
        <translation>Form der Antwort der Übungs-CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Let the practice C&amp;A answer</source>
        <translation>Übungs-C&amp;A antworten lassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>At the CA</source>
        <translation>Bei der CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>It wants pr&amp;oof of the hardware</source>
        <translation>Sie will einen HSM-&amp;Nachweis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The CA wants proof that the key is in hardware</source>
        <translation>Die CA will einen Nachweis, dass der Schlüssel in Hardware liegt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Most CAs are content with the vault's tier and the key's type: in the portal, the key's page shows RSA-HSM, and the vault's overview the tier Premium. Some take a statement of the service.</source>
        <translation>Den meisten CAs genügen die Stufe des Tresors und der Typ des Schlüssels: Im Portal zeigt die Seite des Schlüssels RSA-HSM und die Übersicht des Tresors die Stufe Premium. Manche nehmen eine Erklärung des Dienstes.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Ask the vault for a statement</source>
        <translation>Tresor um eine Erklärung bitten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Save the proof</source>
        <translation>Nachweis speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>A .pfx file from a CA does not help: since June 2023 the key must be made in hardware, so it cannot come from outside.</source>
        <translation>Eine .pfx-Datei von einer CA hilft nicht: Seit Juni 2023 muss der Schlüssel in Hardware erzeugt werden, er kann also nicht von außen kommen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>In any form and order. It is checked before anything is merged.</source>
        <translation>In jeder Form und Reihenfolge. Sie wird geprüft, bevor etwas zusammengeführt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Practice: the CA answers at once, not in days.</source>
        <translation>Übung: Die CA antwortet sofort, nicht erst nach Tagen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>This vault gives no statement: Microsoft has it for Managed HSM only. Show the CA the key's page in the portal (RSA-HSM) and the vault's tier (Premium).</source>
        <translation>Dieser Tresor gibt keine Erklärung: Microsoft hat sie nur für Managed HSM. Zeigen Sie der CA die Seite des Schlüssels im Portal (RSA-HSM) und die Stufe des Tresors (Premium).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Go on with the request that waits</source>
        <translation>Mit der wartenden Anforderung weitermachen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Recover the deleted one…</source>
        <translation>Das gelöschte wiederherstellen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Choose another name…</source>
        <translation>Anderen Namen wählen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Take a software key, for tests only</source>
        <translation>Softwareschlüssel nehmen, nur für Tests</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Open Permissions</source>
        <translation>Berechtigungen öffnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>You say who the certificate is for.</source>
        <translation>Sie geben an, für wen das Zertifikat ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The vault makes a key in its hardware and a request for it: the key never leaves.</source>
        <translation>Der Tresor erzeugt in seiner Hardware einen Schlüssel und eine Anforderung dafür: Der Schlüssel verlässt sie nie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>You give the request to a CA (DigiCert, GlobalSign, Sectigo, SSL.com and others).</source>
        <translation>Sie geben die Anforderung einer CA (DigiCert, GlobalSign, Sectigo, SSL.com und andere).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The CA checks your organisation, in days to two weeks, and sends the certificate.</source>
        <translation>Die CA prüft Ihre Organisation (das dauert einige Tage bis zwei Wochen) und schickt das Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>You drop it here. It is checked against the request, then merged into the vault.</source>
        <translation>Sie legen es hier ab. Es wird mit der Anforderung verglichen und dann im Tresor zusammengeführt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The name {name} was looked for in the vault {vault}. If your certificate has another, give it.</source>
        <translation>Gesucht wurde der Name {name} im Tresor {vault}. Wenn Ihr Zertifikat anders heißt, geben Sie dessen Namen an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Order a code-signing certificate (OV or EV). For the key choose your own HSM or Azure Key Vault, not a USB token.</source>
        <translation>Bestellen Sie ein Codesignaturzertifikat (OV oder EV). Wählen Sie für den Schlüssel Ihr eigenes HSM oder Azure Key Vault, nicht ein USB-Token.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Give it the request: the file, or the whole text with first and last line.</source>
        <translation>Geben Sie ihr die Anforderung: die Datei oder den ganzen Text mit erster und letzter Zeile.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Answer its questions: trade register, a telephone call, an agreement.</source>
        <translation>Beantworten Sie ihre Fragen: Handelsregister, ein Anruf, eine Vereinbarung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Download what it sends, with the chain if it offers one.</source>
        <translation>Laden Sie herunter, was sie schickt, mit der Kette, wenn sie eine anbietet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Given: {names}</source>
        <translation>Übergeben: {names}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Checking before anything is made</source>
        <translation>Prüfung, bevor etwas erstellt wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Make this in the vault?</source>
        <translation>Dies im Tresor erstellen?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Nothing has been made so far. This is all that will be:</source>
        <translation>Bisher wurde nichts erstellt. Das ist alles, was erstellt wird:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Make it no&amp;w</source>
        <translation>Jetzt &amp;erstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Making the signing request</source>
        <translation>Zertifikatanforderung wird erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>&amp;Drop it</source>
        <translation>Ver&amp;werfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Dropping the request</source>
        <translation>Anforderung wird verworfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Bring the deleted certificate back?</source>
        <translation>Das gelöschte Zertifikat zurückholen?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>All its versions come back as they were, and can sign again.</source>
        <translation>Alle Versionen kommen zurück, wie sie waren, und können wieder signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>&amp;Recover it</source>
        <translation>Wieder&amp;herstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Kee&amp;p it</source>
        <translation>&amp;Behalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Lost for good: its key. A certificate that the CA issues for this request, even one that is paid for, can then never be used; the CA would have to issue it anew for another request.</source>
        <translation>Endgültig verloren: der zugehörige Schlüssel. Ein Zertifikat, das die CA für diese Anforderung ausstellt, selbst ein bezahltes, kann dann nie verwendet werden; die CA müsste es für eine andere Anforderung neu ausstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Drop the signing request {name}?</source>
        <translation>Zertifikatanforderung {name} verwerfen?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Recovering</source>
        <translation>Wiederherstellung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/held.py"/>
        <source>Not in a report: it is only read.</source>
        <translation>Nicht in einem Bericht: Er wird nur gelesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Inspect a file</source>
        <translation>Datei untersuchen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>What it is, whose, until when, and what is wrong with it. The file is only read.</source>
        <translation>Was es ist, wem es gehört, bis wann es gilt und was nicht stimmt. Die Datei wird nur gelesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Password of the file</source>
        <translation>Passwort der Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>The file</source>
        <translation>Die Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Cancelled.</source>
        <translation>Abgebrochen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Open with this password</source>
        <translation>Mit diesem Passwort öffnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Reading {name}.</source>
        <translation>{name} wird gelesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Reading {name}</source>
        <translation>{name} wird gelesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect_welcome.py"/>
        <source>Drop a file here</source>
        <translation>Eine Datei hier ablegen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Choose a file…</source>
        <translation>Datei wählen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Key Vault</source>
        <translation>Key Vault</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Where the key is, and who may use it. Looking and signing in change nothing there.</source>
        <translation>Wo der Schlüssel ist und wer ihn benutzen darf. Nachsehen und Anmelden ändern dort nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>The options of the server's form</source>
        <translation>Die Optionen des Serverformulars</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Application sec&amp;ret</source>
        <translation>Client&amp;geheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Azure cloud</source>
        <translation>Azure-Cloud</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Si&amp;gn in</source>
        <translation>A&amp;nmelden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Asks Microsoft for a token, reads the certificate, and has one test digest signed.</source>
        <translation>Fragt Microsoft nach einem Token, liest das Zertifikat und lässt einen Test-Hash signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>On your clipboard already?</source>
        <translation>Schon in der Zwischenablage?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Checked without the secret</source>
        <translation>Ohne das Geheimnis geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Who the vault sees</source>
        <translation>Wen der Tresor sieht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Storing the secret</source>
        <translation>Geheimnis wird gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Forgetting the secret</source>
        <translation>Geheimnis wird entfernt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Signing in</source>
        <translation>Anmeldung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Microsoft is asked for a token, then the vault for the certificate and one test signature.</source>
        <translation>Microsoft wird nach einem Token gefragt, dann der Tresor nach dem Zertifikat und einer Testsignatur.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Vault name</source>
        <translation>&amp;Tresorname</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>such as contoso-signing</source>
        <translation>etwa contoso-signing</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>C&amp;ertificate name</source>
        <translation>Ze&amp;rtifikatname</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>such as codesign</source>
        <translation>etwa codesign</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Application ID</source>
        <translation>&amp;Anwendungs-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Tenant ID</source>
        <translation>Man&amp;danten-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Value, not Secret ID</source>
        <translation>Value, nicht Secret ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Azure clou&amp;d</source>
        <translation>Azure-C&amp;loud</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>What is recognised fills the fields of the form.</source>
        <translation>Was erkannt wird, füllt die Felder des Formulars.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Not recognised. It takes JSON from az, an address of a vault, key or certificate.</source>
        <translation>Nicht erkannt. Möglich sind JSON von az und die Adresse eines Tresors, Schlüssels oder Zertifikats.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Looking for the vault {name}, without the secret</source>
        <translation>Tresor {name} wird gesucht, ohne das Geheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Something changed since this was checked. Sign in again.</source>
        <translation>Seit der Prüfung hat sich etwas geändert. Melden Sie sich noch einmal an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>The secret is saved in {place}.</source>
        <translation>Das Geheimnis ist gespeichert. Ort: {place}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Signing in to {vault}.</source>
        <translation>Anmeldung bei {vault}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>the vault</source>
        <translation>dem Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>vault name</source>
        <translation>Tresorname</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>certificate name</source>
        <translation>Zertifikatname</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>application ID</source>
        <translation>Anwendungs-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>application secret</source>
        <translation>Clientgeheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>tenant ID</source>
        <translation>Mandanten-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>All is filled in. Sign in to see whether it works.</source>
        <translation>Alles ist ausgefüllt. Melden Sie sich an, um zu sehen, ob es funktioniert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signed in, but signing with this vault does not work yet.</source>
        <translation>Angemeldet, aber das Signieren mit diesem Tresor funktioniert noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signing in does not work yet.</source>
        <translation>Die Anmeldung funktioniert noch nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signed in, and the vault answers.</source>
        <translation>Angemeldet, und der Tresor antwortet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>But the application may not do all that it needs: the next page says what is missing.</source>
        <translation>Aber die Anwendung darf vielleicht nicht alles, was sie braucht: Die nächste Seite sagt, was fehlt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Application ID</source>
        <translation>Anwendungs-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Object ID</source>
        <translation>Objekt-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Tenant ID</source>
        <translation>Mandanten-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Token valid until</source>
        <translation>Token gültig bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Certificate valid until</source>
        <translation>Zertifikat gültig bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Key Vault comes first.</source>
        <translation>Zuerst kommt Key Vault.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Key Vault comes first: signing in did not work.</source>
        <translation>Zuerst kommt Key Vault: Die Anmeldung ist nicht gelungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Look at what is doubtful in the form, then sign in.</source>
        <translation>Prüfen Sie, was im Formular zweifelhaft ist, und melden Sie sich dann an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signing in cannot work yet.</source>
        <translation>Die Anmeldung kann noch nicht gelingen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Fill in what is missing, then sign in.</source>
        <translation>Ergänzen Sie, was fehlt, und melden Sie sich dann an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>The vault answers, and its key signs for you.</source>
        <translation>Der Tresor antwortet, und sein Schlüssel signiert für Sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>The vault's key signs for you, but a problem stands in the way.</source>
        <translation>Der Schlüssel des Tresors signiert für Sie, aber ein Problem steht im Weg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Correct what is wrong in the form, then sign in.</source>
        <translation>Korrigieren Sie, was im Formular falsch ist, und melden Sie sich dann an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>What was checked without the secret says why.</source>
        <translation>Warum, zeigt, was ohne das Geheimnis geprüft wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>To be corrected: {names}.</source>
        <translation>Zu korrigieren: {names}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Doubtful: {names}.</source>
        <translation>Zweifelhaft: {names}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Still missing: {names}.</source>
        <translation>Noch offen: {names}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>A team key with access “Developer” is enough. It is made in App Store Connect, Users and Access, Integrations.</source>
        <translation>Ein Team-Schlüssel mit Zugriff „Developer“ genügt. Er wird in App Store Connect unter „Users and Access“, „Integrations“ erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>macOS level and API key</source>
        <translation>macOS-Stufe und API-Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>How far the server goes before it hands a client to your customers.</source>
        <translation>Wie weit der Server geht, bevor er Ihren Kunden einen Client gibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>&amp;Which one?</source>
        <translation>Wel&amp;che Stufe?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Not needed at the level “sign only”; it can be made ready here all the same.</source>
        <translation>Auf der Stufe „nur signieren“ nicht nötig; er kann hier trotzdem vorbereitet werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Reading the key</source>
        <translation>Schlüssel wird gelesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Forgetting the key</source>
        <translation>Schlüssel wird entfernt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Checking with Apple</source>
        <translation>Prüfung bei Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Looking for the API key</source>
        <translation>API-Schlüssel wird gesucht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>S&amp;ubmissions to Apple</source>
        <translation>Einreich&amp;ungen bei Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>They stay with Apple and cannot be withdrawn. A new one is not faster.</source>
        <translation>Sie bleiben bei Apple und können nicht zurückgezogen werden. Eine neue ist nicht schneller.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>What Apple said</source>
        <translation>Was Apple gesagt hat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Asking Apple</source>
        <translation>Apple wird gefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Copy the ID</source>
        <translation>ID kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Ask again</source>
        <translation>Erneut fragen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Explain</source>
        <translation>Erklären</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>What Apple says of {file}, {id}</source>
        <translation>Was Apple zu {file} sagt, {id}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Copy the submission ID {id}</source>
        <translation>Einreichungs-ID {id} kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Packages (*.pkg);;All files (*)</source>
        <translation>Pakete (*.pkg);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>macOS trial</source>
        <translation>macOS-Probelauf</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>An installer package signed here, taken to the chosen level, judged as macOS would judge it.</source>
        <translation>Ein hier signiertes Installationspaket, bis zur gewählten Stufe gebracht und beurteilt, wie macOS es beurteilen würde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Start ane&amp;w</source>
        <translation>Neu be&amp;ginnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Submit all the sa&amp;me</source>
        <translation>Trotzdem ein&amp;reichen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Apple judges for itself; what is submitted cannot be withdrawn</source>
        <translation>Apple urteilt selbst; Eingereichtes lässt sich nicht zurückziehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Packages, apps in a zip, programs (*.pkg *.zip *.app *.dylib);;All files (*)</source>
        <translation>Pakete, Apps in einer ZIP-Datei, Programme (*.pkg *.zip *.app *.dylib);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Use an &amp;app…</source>
        <translation>&amp;App wählen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>An app is a folder whose name ends in .app</source>
        <translation>Eine App ist ein Ordner, dessen Name auf .app endet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Signed with</source>
        <translation>Signiert mit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Apple &amp;certificates…</source>
        <translation>Apple-Zer&amp;tifikate…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Level and &amp;key…</source>
        <translation>Stufe und Sch&amp;lüssel…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Choose a package or a program to sign</source>
        <translation>Paket oder Programm zum Signieren wählen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>The trial has not come to its end yet.</source>
        <translation>Der Probelauf ist noch nicht zu Ende.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Signed, but not through the level yet: go on when you like.</source>
        <translation>Signiert, aber noch nicht durch die ganze Stufe: Machen Sie weiter, wann Sie wollen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>An app to sign</source>
        <translation>Eine App zum Signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>What happens to a copy that a customer downloads?</source>
        <translation>Was passiert mit einer Kopie, die ein Kunde herunterlädt?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>The programs inside are signed first, each with the hardened runtime and a time stamp, then the package itself. What was signed before is signed anew.</source>
        <translation>Zuerst werden die Programme darin signiert, jedes mit Hardened Runtime und Zeitstempel, dann das Paket selbst. Was schon signiert war, wird neu signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Use my own…</source>
        <translation>Eigene Datei…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Apple certificates…</source>
        <translation>Apple-Zertifikate…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Level and API key…</source>
        <translation>Stufe und API-Schlüssel…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>holds, but not enough for Apple</source>
        <translation>gilt, reicht Apple aber nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>{n} signed, hardened runtime on</source>
        <translation>{n} signiert, Hardened Runtime an</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Programs</source>
        <translation>Programme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Package</source>
        <translation>Paket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>&amp;Go on: {stage}</source>
        <translation>&amp;Fortsetzen: {stage}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>none yet</source>
        <translation>noch keine</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Sample package for {product}, or drop your own .pkg or .app here</source>
        <translation>Musterpaket für {product}, oder legen Sie Ihr eigenes .pkg oder .app hier ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>goes on here</source>
        <translation>geht hier weiter</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Close the report</source>
        <translation>Bericht schließen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>What if: another scenario</source>
        <translation>Was wäre, wenn: ein anderes Szenario</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Dismiss</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>{report}, only to be read.</source>
        <translation>{report}, nur zum Lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>{file}: nothing is run from it, nothing of it is kept. It may have been changed on its way.</source>
        <translation>{file}: Daraus wird nichts ausgeführt und nichts behalten. Der Bericht kann unterwegs geändert worden sein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>What if: {summary}</source>
        <translation>Was wäre, wenn: {summary}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Go to {page}</source>
        <translation>Zu {page}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Dismiss: {title}</source>
        <translation>Ausblenden: {title}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Something is under way.</source>
        <translation>Es läuft gerade etwas.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>What the application may do in the vault. Looking changes nothing there.</source>
        <translation>Was die Anwendung im Tresor darf. Nachsehen ändert dort nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Loo&amp;k at what the application may do</source>
        <translation>Nach&amp;sehen, was die Anwendung darf</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Fi&amp;x it as administrator…</source>
        <translation>Als Administrator be&amp;heben…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Loo&amp;k again</source>
        <translation>Erneut nach&amp;sehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Looking at the permissions</source>
        <translation>Berechtigungen werden angesehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Looking what the application may do.</source>
        <translation>Es wird nachgesehen, was die Anwendung darf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>The vault is asked about each permission; nothing changes.</source>
        <translation>Der Tresor wird nach jeder Berechtigung gefragt; es ändert sich nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Asks the vault about each permission, and has one test digest signed. Changes nothing.</source>
        <translation>Fragt den Tresor nach jeder Berechtigung und lässt einen Test-Hash signieren. Ändert nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Then the vault can be asked about each permission. That changes nothing.</source>
        <translation>Dann lässt sich der Tresor nach jeder Berechtigung fragen. Dabei wird nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Something changed since this was checked. Look again.</source>
        <translation>Seit der Prüfung hat sich etwas geändert. Sehen Sie noch einmal nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Nobody has looked yet at what the application may do.</source>
        <translation>Was die Anwendung darf, hat sich noch niemand angesehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>A few seconds, and nothing changes in the vault.</source>
        <translation>Ein paar Sekunden, und im Tresor ändert sich nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Stopped. What was granted by then stays; look again to see it.</source>
        <translation>Angehalten. Was bis dahin erteilt wurde, bleibt; sehen Sie noch einmal nach, um es zu sehen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Signing in as administrator</source>
        <translation>Anmeldung als Administrator</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Signing in as administrator.</source>
        <translation>Die Anmeldung als Administrator läuft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Then the grants themselves are looked at; nothing changes.</source>
        <translation>Danach werden die Erteilungen selbst angesehen; geändert wird nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Open the address</source>
        <translation>Adresse öffnen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Nothing was granted.</source>
        <translation>Es wurde nichts erteilt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Granting</source>
        <translation>Rechte erteilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Granting what is shown.</source>
        <translation>Was unten steht, wird erteilt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Then the vault is asked until it knows of the grant.</source>
        <translation>Danach wird der Tresor gefragt, bis er davon weiß.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Granted. The vault does not know of it yet.</source>
        <translation>Erteilt. Der Tresor weiß noch nichts davon.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>That takes some minutes, and ends by itself.</source>
        <translation>Das dauert einige Minuten und endet von selbst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>The administrator was signed in to another tenant: sign in again for this one.</source>
        <translation>Die Anmeldung als Administrator galt einem anderen Mandanten: Melden Sie sich für diesen erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Let the practice administrator sign in</source>
        <translation>Übungs-Administrator anmelden lassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Waiting until the vault knows of it</source>
        <translation>Warten, bis der Tresor davon weiß</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Stop waiting</source>
        <translation>Nicht länger warten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Signed in as {account}.</source>
        <translation>Angemeldet als {account}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>By hand, or for somebody else to do: portal, az, PowerShell</source>
        <translation>Von Hand oder durch jemand anderen: Portal, az, PowerShell</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>It sees the grants themselves and when the application's secret ends, and can add what is missing. You see what is granted first.</source>
        <translation>Damit sind die Rechte selbst zu sehen und wann das Clientgeheimnis abläuft, und Fehlendes lässt sich erteilen. Was erteilt wird, sehen Sie vorher.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>How to sign in</source>
        <translation>Wie anmelden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Si&amp;gn in as administrator…</source>
        <translation>Als Administrator a&amp;nmelden…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>What to grant</source>
        <translation>Was erteilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Leave it as it is</source>
        <translation>Nichts ändern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Fix it with my administrator account</source>
        <translation>Mit meinem Administratorkonto beheben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Look as an administrator</source>
        <translation>Als Administrator nachsehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Copy the code</source>
        <translation>Code kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Waiting for {gone}; the vault does not know the grant yet. Asking for {left} more at most. “Stop waiting” ends this; the grant stays.</source>
        <translation>Es wird seit {gone} gewartet; der Tresor weiß noch nichts von der Erteilung. Er wird höchstens noch {left} lang gefragt. „Nicht länger warten“ beendet das; die Erteilung bleibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Granted {gone} ago; the vault does not know it yet. Asking for {left} more at most. “Stop waiting” ends this; the grant stays.</source>
        <translation>Vor {gone} erteilt; der Tresor weiß noch nichts davon. Er wird höchstens noch {left} lang gefragt. „Nicht länger warten“ beendet das; die Erteilung bleibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>In the browser</source>
        <translation>Im Browser</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>With a code on another device</source>
        <translation>Mit Code auf anderem Gerät</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>With the session of az on this computer</source>
        <translation>Mit der az-Sitzung hier</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>All that the documentation asks for</source>
        <translation>Alles, was die Dokumentation verlangt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Only what the certificate's life needs</source>
        <translation>Nur was das Zertifikat zeitlebens braucht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Only what signing needs</source>
        <translation>Nur was das Signieren braucht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Open this address on any device, and type the code:</source>
        <translation>Öffnen Sie diese Adresse auf einem beliebigen Gerät, und geben Sie den Code ein:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Address and code</source>
        <translation>Adresse und Code</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>&amp;Wait until the vault knows of it</source>
        <translation>&amp;Warten, bis der Tresor davon weiß</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>&amp;Grant this now</source>
        <translation>Jetzt &amp;erteilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>The code is {code}.</source>
        <translation>Der Code ist {code}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>All of it is granted already.</source>
        <translation>Alles davon ist bereits erteilt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>What is in it</source>
        <translation>Was sie enthält</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Show only what is missing</source>
        <translation>Nur zeigen, was fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Show only what is uncertain</source>
        <translation>Nur zeigen, was unsicher ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Show all permissions</source>
        <translation>Alle Berechtigungen zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Azure RBAC</source>
        <translation>Azure RBAC</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>access policy</source>
        <translation>Zugriffsrichtlinie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Permission model:</source>
        <translation>Berechtigungsmodell:</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Nothing that is asked for is missing.</source>
        <translation>Von dem, was verlangt wird, fehlt nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Needed to: {what}</source>
        <translation>Nötig für: {what}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Missing {n}</source>
        <translation>Fehlt {n}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Uncertain {n}</source>
        <translation>Unsicher {n}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>All {n}</source>
        <translation>Alle {n}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Nothing that is asked for is uncertain.</source>
        <translation>Von dem, was verlangt wird, ist nichts unsicher.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>yes</source>
        <translation>ja</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>no</source>
        <translation>nein</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>likely</source>
        <translation>wahrscheinlich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>{minutes} min {count} s</source>
        <translation>{minutes} min {count} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>What the application may do could not be found out.</source>
        <translation>Was die Anwendung darf, ließ sich nicht herausfinden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>The application may not sign yet.</source>
        <translation>Die Anwendung darf noch nicht signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>The application may sign, but a problem stands in the way.</source>
        <translation>Die Anwendung darf signieren, aber ein Problem steht im Weg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>Whether the application may sign is not certain.</source>
        <translation>Ob die Anwendung signieren darf, ist nicht sicher.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>{count} s</source>
        <translation>{count} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Server</source>
        <translation>Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>The server that signs your clients: what it has, what this profile holds, and the proof.</source>
        <translation>Der Server, der Ihre Clients signiert: was er hat, was dieses Profil enthält, und der Nachweis.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>How they were judged</source>
        <translation>Wie sie beurteilt wurden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>A change of the server's settings was interrupted.</source>
        <translation>Eine Änderung der Einstellungen des Servers wurde unterbrochen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>A change that began {time} was interrupted. Sign in: what became of it is said then.</source>
        <translation>Eine am {time} begonnene Änderung wurde unterbrochen. Melden Sie sich an: Dann wird gesagt, was daraus wurde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>The clients below were judged {time}, before the last change.</source>
        <translation>Die Clients unten wurden am {time} beurteilt, vor der letzten Änderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>Cancelled. Nothing was changed.</source>
        <translation>Abgebrochen. Es wurde nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>Type the code that the authenticator app shows now, and sign in.</source>
        <translation>Geben Sie den Code ein, den die Authenticator-App jetzt zeigt, und melden Sie sich an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server asks for a one-time code for {user}.</source>
        <translation>Der Server verlangt einen Einmalcode für {user}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Signing out of the server</source>
        <translation>Abmeldung vom Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Signing in to the server</source>
        <translation>Anmeldung am Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Looking at the server</source>
        <translation>Server wird angesehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Only these; everything else goes back as it came. The old values are kept, and the new ones are read back and compared.</source>
        <translation>Nur diese; alles andere geht zurück, wie es kam. Die alten Werte werden aufbewahrt, die neuen zurückgelesen und verglichen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Changing the server's settings</source>
        <translation>Einstellungen des Servers werden geändert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>These are the values from before the last change; nothing else is touched.</source>
        <translation>Das sind die Werte von vor der letzten Änderung; sonst wird nichts geändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Undo the change</source>
        <translation>Änderung rückgängig machen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Giving the old values back</source>
        <translation>Alte Werte werden zurückgegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>The server builds its clients</source>
        <translation>Clients werden erstellt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Cancelling leaves the server as it was.</source>
        <translation>Beim Abbrechen bleibt der Server, wie er war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Change 1 setting</source>
        <translation>1 Einstellung ändern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Change this on {host}?</source>
        <translation>Dies auf {host} ändern?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Give {host} its old values back?</source>
        <translation>{host} die alten Werte zurückgeben?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Change {n} settings</source>
        <translation>{n} Einstellungen ändern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The Comet Server</source>
        <translation>Der Comet Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Address</source>
        <translation>A&amp;dresse</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;User name</source>
        <translation>&amp;Benutzername</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Use it without encryption</source>
        <translation>Ohne Verschlüsselung verwenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>&amp;One-time code</source>
        <translation>&amp;Einmalcode</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Take the practice code</source>
        <translation>Übungscode nehmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Si&amp;gn in and look</source>
        <translation>A&amp;nmelden und nachsehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Asks the server for its version, rights and settings; changes nothing.</source>
        <translation>Fragt den Server nach Version, Rechten und Einstellungen; ändert nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Look again</source>
        <translation>Erneut nachsehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Sign out</source>
        <translation>Abmelden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server's settings beside this profile</source>
        <translation>Die Einstellungen des Servers neben diesem Profil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Which of the server's fields take the .p12 files</source>
        <translation>Welche Felder des Servers die .p12-Dateien aufnehmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Files go into</source>
        <translation>Dateien kommen in</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Likely, not sure: the vendor's documentation does not say which pair of fields takes an uploaded .p12. Save one file in the server's own form and look again: the field that it fills is the one. Or choose the other pair if the server does not find the certificates.</source>
        <translation>Wahrscheinlich, nicht sicher: Die Dokumentation des Herstellers sagt nicht, welches Feldpaar eine hochgeladene .p12 aufnimmt. Speichern Sie eine Datei im Formular des Servers, und sehen Sie noch einmal nach: Das Feld, das sie füllt, ist das richtige. Oder wählen Sie das andere Paar, wenn der Server die Zertifikate nicht findet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Appl&amp;y…</source>
        <translation>Überne&amp;hmen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>&amp;Undo the last change…</source>
        <translation>Letzte Änderung &amp;rückgängig machen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Show the file</source>
        <translation>Datei zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Prove it</source>
        <translation>Nachweis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>&amp;Prove it</source>
        <translation>Na&amp;chweisen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Sign in first.</source>
        <translation>Melden Sie sich zuerst an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>An administrator who may change the branding</source>
        <translation>Ein Administrator, der das Branding ändern darf</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>From the authenticator app; each works once.</source>
        <translation>Aus der Authenticator-App; jeder gilt nur einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>There is nothing to apply.</source>
        <translation>Es gibt nichts zu übernehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Sign in to change anything.</source>
        <translation>Melden Sie sich an, um etwas zu ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server builds its own clients. They are downloaded and judged like the trials: signed at all, by you, with a time stamp, and for macOS notarised as the level says.</source>
        <translation>Der Server erstellt seine eigenen Clients. Sie werden heruntergeladen und wie die Probeläufe beurteilt: überhaupt signiert, von Ihnen, mit Zeitstempel und für macOS notarisiert, wie die Stufe es verlangt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>This server builds no clients.</source>
        <translation>Dieser Server erstellt keine Clients.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server does not let these settings be changed.</source>
        <translation>Der Server lässt diese Einstellungen nicht ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Unpack</source>
        <translation>Entpacken</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Judge</source>
        <translation>Beurteilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Show the file of {client}</source>
        <translation>Datei von {client} zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server offers no client for Windows or macOS.</source>
        <translation>Der Server bietet keinen Client für Windows oder macOS an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Nothing is chosen.</source>
        <translation>Es ist nichts ausgewählt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Choose a client.</source>
        <translation>Wählen Sie einen Client.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>1 setting would be given to the server; you see it first.</source>
        <translation>1 Einstellung würde dem Server gegeben; Sie sehen sie vorher.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>{n} settings would be given to the server; you see them first.</source>
        <translation>{n} Einstellungen würden dem Server gegeben; Sie sehen sie vorher.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>This is not the address of a proxy.</source>
        <translation>Das ist keine Adresse eines Proxys.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>There is no such file.</source>
        <translation>Eine solche Datei gibt es nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Certificates (*.pem *.crt *.cer);;All files (*)</source>
        <translation>Zertifikate (*.pem *.crt *.cer);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Settings</source>
        <translation>Einstellungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Kept in this profile as you type. An empty field means the default.</source>
        <translation>Wird beim Tippen in diesem Profil gespeichert. Ein leeres Feld bedeutet die Voreinstellung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Practice sets these itself.</source>
        <translation>Die Übung setzt diese selbst.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Its own proxy and certificates lead to the practice accounts; your settings are untouched.</source>
        <translation>Der Proxy und die Zertifikate der Übung führen zu den Übungskonten; Ihre eigenen Einstellungen bleiben unberührt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Proxy</source>
        <translation>&amp;Proxy</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;CA bundle</source>
        <translation>&amp;CA-Bündel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Time-out</source>
        <translation>Zeit&amp;limit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Roots trusted besides Microsoft's</source>
        <translation>Vertrauenswürdige Stammzertifikate außer denen von Microsoft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Roots for code signing</source>
        <translation>Stammzertifikate für Codesignatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Roots for time stamps</source>
        <translation>Stammzertifikate für Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Forgetting the password</source>
        <translation>Passwort wird entfernt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>As the system</source>
        <translation>Wie das System</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Add…</source>
        <translation>Hinzufügen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Choose a PEM file</source>
        <translation>PEM-Datei wählen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>the time-out</source>
        <translation>das Zeitlimit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Used for every call: to Microsoft, Apple, time-stamp servers, certificate authorities and the Comet Server.</source>
        <translation>Gilt für jeden Aufruf: bei Microsoft, Apple, Zeitstempelservern, Zertifizierungsstellen und dem Comet Server.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>from the environment, or http://proxy:8080</source>
        <translation>aus der Umgebung oder http://proxy:8080</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>a PEM file, besides the system's</source>
        <translation>PEM-Datei, zusätzlich zum System</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Seconds for one attempt; what does not answer is tried again.</source>
        <translation>Sekunden für einen Versuch; was nicht antwortet, wird erneut versucht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>For a private authority. Your customers' Windows does not know it; results will say so.</source>
        <translation>Für eine private Zertifizierungsstelle. Das Windows Ihrer Kunden kennt sie nicht; die Ergebnisse sagen das dazu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Of the whole program on this computer, not of this profile alone.</source>
        <translation>Des ganzen Programms auf diesem Computer, nicht nur dieses Profils.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>The program speaks it from the next start on.</source>
        <translation>Das Programm spricht sie ab dem nächsten Start.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>none</source>
        <translation>keine</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Add a file: {name}</source>
        <translation>Datei hinzufügen: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Remove the selected file: {name}</source>
        <translation>Ausgewählte Datei entfernen: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>It could not be kept: {why}.</source>
        <translation>Das ließ sich nicht speichern: {why}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Start</source>
        <translation>Start</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>From accounts to a signed, proven installer of your own brand, one step at a time.</source>
        <translation>Von den Konten bis zum nachweislich signierten Installationsprogramm Ihrer eigenen Marke, Schritt für Schritt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Profile</source>
        <translation>Profil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Profiles</source>
        <translation>Profile</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>New…</source>
        <translation>Neu…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>New profile</source>
        <translation>Neues Profil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Rename…</source>
        <translation>Umbenennen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Rename the profile</source>
        <translation>Profil umbenennen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget…</source>
        <translation>Entfernen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget the profile</source>
        <translation>Profil entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Name of the profile</source>
        <translation>Name des Profils</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Name, such as your product's</source>
        <translation>Name, etwa der Ihres Produkts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget it</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Keep it</source>
        <translation>Behalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Product name</source>
        <translation>&amp;Produktname</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Windows: an .exe signed by a key in Azure Key Vault</source>
        <translation>W&amp;indows: eine .exe, signiert mit einem Schlüssel in Azure Key Vault</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;macOS: a .pkg signed and notarised with Apple's certificates</source>
        <translation>&amp;macOS: ein .pkg, signiert und notarisiert mit Apples Zertifikaten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>A &amp;Comet Server will receive the settings</source>
        <translation>Ein &amp;Comet Server erhält die Einstellungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Try it with practice accounts</source>
        <translation>Mit Übungskonten ausprobieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>&amp;Try it with practice accounts</source>
        <translation>Mit Ü&amp;bungskonten ausprobieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Use my own accounts</source>
        <translation>Eigene Konten verwenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What if: choose what goes wrong</source>
        <translation>Was wäre, wenn: wählen, was schiefgeht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Have a file already?</source>
        <translation>Haben Sie schon eine Datei?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Drop it here, or anywhere on the window.</source>
        <translation>Legen Sie sie hier oder irgendwo im Fenster ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Files that can be inspected (*.exe *.dll *.pkg *.zip *.cer *.crt *.pem *.csr *.p7b *.p12 *.pfx *.p8);;All files (*)</source>
        <translation>Untersuchbare Dateien (*.exe *.dll *.pkg *.zip *.cer *.crt *.pem *.csr *.p7b *.p12 *.pfx *.p8);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Choose a file to inspect</source>
        <translation>Datei zum Untersuchen wählen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What you will need</source>
        <translation>Was Sie brauchen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>As your customers see it</source>
        <translation>Wie Ihre Kunden es sehen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Ticked off as the wizard finds it to be there.</source>
        <translation>Wird abgehakt, sobald der Assistent es vorfindet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Cost</source>
        <translation>Kosten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Waiting time</source>
        <translation>Wartezeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>found</source>
        <translation>gefunden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>not found yet</source>
        <translation>noch nicht gefunden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Create</source>
        <translation>Anlegen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Keep this name</source>
        <translation>Namen übernehmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Leave as it was</source>
        <translation>Unverändert lassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>The new profile</source>
        <translation>Das neue Profil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget {name}, its settings, results and stored secrets? Nothing changes at Azure or Apple.</source>
        <translation>{name} entfernen, mit Einstellungen, Ergebnissen und gespeicherten Geheimnissen? Bei Azure oder Apple ändert sich nichts.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/opening.py"/>
        <source>My product</source>
        <translation>Mein Produkt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{systems} signing works: the trial was signed and verified.</source>
        <translation>Das Signieren für {systems} funktioniert: Was der Probelauf erstellt hat, wurde signiert und geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The accounts are made up and live on this computer only; nothing real is touched.</source>
        <translation>Die Konten sind erfunden und liegen nur auf diesem Computer; nichts Echtes wird verändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>No accounts yet? A made-up vault, an Apple team, a Comet Server and time-stamp servers on this computer show the whole way. Nothing real is touched, and nothing leaves this computer.</source>
        <translation>Noch keine Konten? Ein erfundener Tresor, ein Apple-Team, ein Comet Server und Zeitstempelserver auf diesem Computer zeigen den ganzen Weg. Nichts Echtes wird verändert, und nichts verlässt diesen Computer.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Everything is filled in: walk the whole way with Next.</source>
        <translation>Alles ist ausgefüllt: Gehen Sie mit „Weiter“ den ganzen Weg.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Practice accounts are on their way: a vault, an application, an Apple team, a Comet Server and time-stamp servers that live on this computer only. Your own profiles and your keyring are not touched.</source>
        <translation>Die Übungskonten werden vorbereitet: ein Tresor, eine Anwendung, ein Apple-Team, ein Comet Server und Zeitstempelserver, die es nur auf diesem Computer gibt. Ihre eigenen Profile und Ihr Schlüsselbund bleiben unberührt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>You are on practice accounts: a vault, an application, an Apple team, a Comet Server and time-stamp servers that live on this computer only. Your own profiles and your keyring are not touched. “What if…” lets something go wrong, and shows how that is explained.</source>
        <translation>Sie arbeiten mit Übungskonten: einem Tresor, einer Anwendung, einem Apple-Team, einem Comet Server und Zeitstempelservern, die es nur auf diesem Computer gibt. Ihre eigenen Profile und Ihr Schlüsselbund bleiben unberührt. „Was wäre, wenn…“ lässt etwas schiefgehen und zeigt, wie das erklärt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>A second or two.</source>
        <translation>Ein, zwei Sekunden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Choose what will be signed.</source>
        <translation>Wählen Sie, was signiert wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Renewed already? Check it again on its page, and the wizard sees what is there now.</source>
        <translation>Schon erneuert? Prüfen Sie es auf seiner Seite noch einmal; dann sieht der Assistent den jetzigen Stand.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Next expiry: the {what}, {when}.</source>
        <translation>Läuft als Nächstes ab: {what}, {when}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/repack.py"/>
        <source> and </source>
        <translation> und </translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>No accounts yet? Try the whole way with practice accounts first.</source>
        <translation>Noch keine Konten? Gehen Sie den ganzen Weg zuerst mit Übungskonten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The server signs its clients as you.</source>
        <translation>Der Server signiert seine Clients in Ihrem Namen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The trial for macOS was signed and verified.</source>
        <translation>Das Paket des macOS-Probelaufs wurde signiert und geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The trial for Windows was signed and verified.</source>
        <translation>Das Programm des Windows-Probelaufs wurde signiert und geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The vault can sign.</source>
        <translation>Der Tresor kann signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{name}: {what} expires {when}</source>
        <translation>{name}: {what} läuft {when} ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{step}: {what}</source>
        <translation>{step}: {what}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Next step: {step}.</source>
        <translation>Nächster Schritt: {step}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{systems} signing works.</source>
        <translation>Das Signieren für {systems} funktioniert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{name}: no expiry known yet</source>
        <translation>{name}: noch kein Ablauf bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{name}: {what} expired on {date}</source>
        <translation>{name}: {what} am {date} abgelaufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Needs attention: {step}.</source>
        <translation>Braucht Aufmerksamkeit: {step}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Nothing is proved yet.</source>
        <translation>Noch ist nichts nachgewiesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Out of date: {step}.</source>
        <translation>Veraltet: {step}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Write a date as year-month-day, such as 2027-05-01.</source>
        <translation>Schreiben Sie ein Datum als Jahr-Monat-Tag, etwa 2027-05-01.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Summary</source>
        <translation>Zusammenfassung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>What works, what ends when, what comes next; and the report to hand on.</source>
        <translation>Was funktioniert, was wann abläuft, was als Nächstes kommt; und der Bericht zum Weitergeben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What to do next</source>
        <translation>Was als Nächstes zu tun ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Sa&amp;ve report…</source>
        <translation>Bericht &amp;speichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Copy for support</source>
        <translation>Für den Support kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What ends when</source>
        <translation>Was wann abläuft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Secre&amp;t ends on</source>
        <translation>Client&amp;geheimnis bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Membership ends on</source>
        <translation>&amp;Mitgliedschaft bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Save cale&amp;ndar file…</source>
        <translation>&amp;Kalenderdatei speichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Save reminders of all known ends for a calendar</source>
        <translation>Erinnerungen an alle bekannten Ablauftermine für einen Kalender speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Saving the report</source>
        <translation>Bericht wird gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Saving reminders</source>
        <translation>Erinnerungen werden gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Save the report</source>
        <translation>Bericht speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>For people (*.html);;For programs (*.json)</source>
        <translation>Für Menschen (*.html);;Für Programme (*.json)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Save reminders for the calendar</source>
        <translation>Erinnerungen für den Kalender speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Calendar files (*.ics)</source>
        <translation>Kalenderdateien (*.ics)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Who has to act, from what was found.</source>
        <translation>Wer handeln muss, laut den Befunden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>One file with all of this, the evidence and the settings. Secrets are not in it, and folders are shortened. Dropped on this window it opens again, only to be read.</source>
        <translation>Eine Datei mit all dem, den Belegen und den Einstellungen. Geheimnisse stehen nicht darin, Ordner sind gekürzt. Wird sie auf diesem Fenster abgelegt, öffnet sie sich wieder, nur zum Lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>such as 2027-05-01</source>
        <translation>etwa 2027-05-01</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Asking the keyring</source>
        <translation>Schlüsselbund wird gefragt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>ended</source>
        <translation>abgelaufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>{state}, checked {time}</source>
        <translation>{state}, geprüft am {time}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Nothing: everybody has done their part.</source>
        <translation>Nichts: Alle haben ihren Teil erledigt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Show</source>
        <translation>Zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>no end</source>
        <translation>läuft nicht ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>not known</source>
        <translation>nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Show: {what}</source>
        <translation>Zeigen: {what}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>The signed file could not be saved as {name}.</source>
        <translation>Die signierte Datei konnte nicht als {name} gespeichert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Sign and &amp;verify</source>
        <translation>Signieren und &amp;prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>The signed file</source>
        <translation>Die signierte Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>How it was judged</source>
        <translation>Wie es beurteilt wurde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Show the &amp;file</source>
        <translation>&amp;Datei zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Save t&amp;he signed file…</source>
        <translation>&amp;Signierte Datei speichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>&amp;Details</source>
        <translation>D&amp;etails</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Signing and verifying</source>
        <translation>Signieren und Prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Signing and verifying.</source>
        <translation>Es wird signiert und geprüft.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Cancelling leaves everything as it was.</source>
        <translation>Beim Abbrechen bleibt alles, wie es war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>cancelled</source>
        <translation>abgebrochen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Save the signed file</source>
        <translation>Signierte Datei speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Saving the signed file</source>
        <translation>Signierte Datei wird gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>there is something of this name already</source>
        <translation>Es gibt schon etwas mit diesem Namen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Cancelled. Nothing was left behind.</source>
        <translation>Abgebrochen. Es blieb nichts zurück.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>not kept</source>
        <translation>nicht behalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Something changed since this trial. Sign and verify again.</source>
        <translation>Seit diesem Probelauf hat sich etwas geändert. Signieren und prüfen Sie noch einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Checked {time}.</source>
        <translation>Geprüft am {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Saved as {name}</source>
        <translation>Gespeichert als {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The result below is of {time}.</source>
        <translation>Das Ergebnis unten hat den Stand {time}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Practice roots are made up: this is as good as it gets here.</source>
        <translation>Die Stammzertifikate der Übung sind erfunden: Mehr ist hier nicht zu erreichen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Switch on one thing that goes wrong in this practice, see how the wizard explains it, and switch it off again. Nothing real is touched.</source>
        <translation>Schalten Sie eine Sache ein, die in dieser Übung schiefgeht, sehen Sie, wie der Assistent sie erklärt, und schalten Sie sie wieder ab. Nichts Echtes wird verändert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Find: firewall, expired, agreement…</source>
        <translation>Suchen: Firewall, abgelaufen, Vereinbarung…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Find a scenario</source>
        <translation>Szenario suchen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>No scenario has these words.</source>
        <translation>Kein Szenario enthält diese Wörter.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>1 scenario</source>
        <translation>1 Szenario</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The practice accounts are being started.</source>
        <translation>Die Übungskonten werden gestartet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Switch off: {summary}</source>
        <translation>Abschalten: {summary}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Switch on: {summary}</source>
        <translation>Einschalten: {summary}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>This is for practice accounts.</source>
        <translation>Dies ist für Übungskonten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>On your own accounts nothing is made wrong. Start offers practice accounts.</source>
        <translation>Bei Ihren eigenen Konten geht nichts absichtlich schief. „Start“ bietet Übungskonten an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>{n} scenarios</source>
        <translation>{n} Szenarien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>{area} ({n})</source>
        <translation>{area} ({n})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Can show on {pages}</source>
        <translation>Kann zu sehen sein auf {pages}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>on</source>
        <translation>ein</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>off</source>
        <translation>aus</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Switch off</source>
        <translation>Abschalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Switch on</source>
        <translation>Einschalten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>On: {summary}</source>
        <translation>Ein: {summary}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Perhaps, at first. SmartScreen goes by the reputation of the file and its publisher, which grows with downloads; a valid signature alone does not give it, nor does an EV certificate since 2024. A renewed certificate, or one of another authority, may begin anew. Nobody can promise that no warning appears.</source>
        <translation>Anfangs vielleicht. SmartScreen richtet sich nach der Reputation der Datei und ihres Herausgebers, die mit den Downloads wächst; eine gültige Signatur allein gibt sie nicht, seit 2024 auch ein EV-Zertifikat nicht mehr. Ein erneuertes Zertifikat oder eines von einer anderen Zertifizierungsstelle fängt vielleicht von vorn an. Niemand kann versprechen, dass keine Warnung erscheint.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>The trial did not succeed.</source>
        <translation>Der Probelauf ist nicht gelungen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Windows programs (*.exe)</source>
        <translation>Windows-Programme (*.exe)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Publisher</source>
        <translation>Herausgeber</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Chain</source>
        <translation>Kette</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Time stamp</source>
        <translation>Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>File</source>
        <translation>Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>For the server</source>
        <translation>Für den Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Build</source>
        <translation>Erstellen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Hash</source>
        <translation>Hash</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Sign</source>
        <translation>Signieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Time-stamp</source>
        <translation>Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Embed</source>
        <translation>Einbetten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Verify</source>
        <translation>Prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Windows trial</source>
        <translation>Windows-Probelauf</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>An installer signed by the key in your vault, judged as Windows would judge it.</source>
        <translation>Ein Installationsprogramm, signiert mit dem Schlüssel in Ihrem Tresor und beurteilt, wie Windows es beurteilen würde.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Asks the vault for one signature and a time-stamp server for one time stamp.</source>
        <translation>Fragt den Tresor nach einer Signatur und einen Zeitstempelserver nach einem Zeitstempel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Go to Ke&amp;y Vault</source>
        <translation>Zu Ke&amp;y Vault</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>What will be signed</source>
        <translation>Was signiert wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Windows programs (*.exe *.dll);;All files (*)</source>
        <translation>Windows-Programme (*.exe *.dll);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Use the sample</source>
        <translation>Muster verwenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>Architecture</source>
        <translation>Architektur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Architecture</source>
        <translation>&amp;Architektur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>D&amp;escription</source>
        <translation>&amp;Beschreibung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;URL</source>
        <translation>UR&amp;L</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Digest</source>
        <translation>Hash</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Time stamps</source>
        <translation>Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>Signed and verified: Windows will accept it.</source>
        <translation>Signiert und geprüft: Windows wird es akzeptieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Will SmartScreen warn?</source>
        <translation>Wird SmartScreen warnen?</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>x64, 64-bit Intel and AMD</source>
        <translation>x64, 64-Bit Intel und AMD</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>x86, 32-bit</source>
        <translation>x86, 32-Bit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>arm64</source>
        <translation>arm64</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>shown in Windows' prompt</source>
        <translation>zeigt Windows an</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>a page about it, optional</source>
        <translation>eine Seite dazu, optional</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Di&amp;gest</source>
        <translation>&amp;Hash</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Asked from the top; the next one only if it does not answer. Edit with F2.</source>
        <translation>Von oben nach unten gefragt; der nächste nur, wenn einer nicht antwortet. Bearbeiten mit F2.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Without a time stamp the signature ends with the certificate.</source>
        <translation>Ohne Zeitstempel endet die Signatur mit dem Zertifikat.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Use my own .exe…</source>
        <translation>Eigene .exe…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Ready: the vault can sign.</source>
        <translation>Bereit: Der Tresor kann signieren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Nothing has been signed yet.</source>
        <translation>Es wurde noch nichts signiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>The trial signs in by itself; Key Vault explains what goes wrong on the way.</source>
        <translation>Der Probelauf meldet sich von selbst an; der Schritt „Key Vault“ erklärt, was unterwegs schiefgeht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Sample installer for {product}, or drop your own .exe here</source>
        <translation>Muster für {product}, oder legen Sie Ihre eigene .exe hier ab</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>The trial did not succeed. It ended at: {stage}.</source>
        <translation>Der Probelauf ist nicht gelungen. Er endete bei: {stage}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>{wanted} has to wait: “{what}” is under way.</source>
        <translation>{wanted} muss warten: „{what}“ läuft gerade.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The removal of the profile</source>
        <translation>Das Entfernen des Profils</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>What it finds is for {name}, which stays open. Wait for its end or cancel it below.</source>
        <translation>Das Ergebnis gehört zu {name}, das deshalb geöffnet bleibt. Warten Sie das Ende ab, oder brechen Sie unten ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>Storing the password</source>
        <translation>Passwort wird gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forgetting the profile</source>
        <translation>Profil wird entfernt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Starting the practice accounts</source>
        <translation>Übungskonten werden gestartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Switching it off</source>
        <translation>Wird abgeschaltet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Making it go wrong</source>
        <translation>Wird eingeschaltet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Ending the practice accounts</source>
        <translation>Übungskonten werden beendet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Opening {name}</source>
        <translation>{name} wird geöffnet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The report</source>
        <translation>Der Bericht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The start of the practice</source>
        <translation>Der Beginn der Übung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The end of the practice</source>
        <translation>Das Ende der Übung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The profile {name}</source>
        <translation>Das Profil {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>What you asked for</source>
        <translation>Der gewünschte Vorgang</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>This practice was started with a scenario that it keeps in its folder, so that it can be mended there. For another, start afresh: codesign-wizard gui --practice</source>
        <translation>Diese Übung wurde mit einem Szenario gestartet, das sie in ihrem Ordner behält, damit es dort behoben werden kann. Für ein anderes beginnen Sie neu: codesign-wizard gui --practice</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Nothing of it is seen any more: it was mended. Switch it off.</source>
        <translation>Davon ist nichts mehr zu sehen: Es wurde behoben. Schalten Sie es ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Under way: it shows in a moment.</source>
        <translation>Läuft: Es zeigt sich gleich.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>To see it: {how}</source>
        <translation>So ist es zu sehen: {how}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Shows on {page}. {how}</source>
        <translation>Zu sehen auf der Seite „{page}“. {how}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>What was seen before is out of date. Check again on: {pages}.</source>
        <translation>Was vorher zu sehen war, ist veraltet. Prüfen Sie erneut: {pages}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>No scenario is switched on.</source>
        <translation>Kein Szenario ist eingeschaltet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>It was seen. It can be switched off once what is under way has ended.</source>
        <translation>Es wurde gesehen. Abschalten lässt es sich, sobald der laufende Vorgang beendet ist.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Seen: it is explained below. Switch it off and sign in again.</source>
        <translation>Gesehen: Es wird unten erklärt. Schalten Sie es ab, und melden Sie sich erneut an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Seen: it is explained below. Switch it off and check again.</source>
        <translation>Gesehen: Es wird unten erklärt. Schalten Sie es ab, und prüfen Sie erneut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Write a signing request, let it be checked, and make it.</source>
        <translation>Füllen Sie eine Zertifikatanforderung aus, lassen Sie sie prüfen und erstellen Sie sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look in the vault, then let the practice CA answer.</source>
        <translation>Sehen Sie im Tresor nach, und lassen Sie dann die Übungs-CA antworten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look, then apply.</source>
        <translation>Melden Sie sich an und sehen Sie nach, dann übernehmen Sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look; the practice code is offered where it is asked for.</source>
        <translation>Melden Sie sich an und sehen Sie nach; der Übungscode wird dort angeboten, wo nach ihm gefragt wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign and verify, then submit it all the same. The trial signs what it reaches; a program in an archive inside stays as it was.</source>
        <translation>Signieren und prüfen Sie, und reichen Sie dann trotzdem ein. Der Probelauf signiert, was er erreicht; ein Programm in einem Archiv darin bleibt, wie es war.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look at what the application may do, then sign in as administrator.</source>
        <translation>Sehen Sie nach, was die Anwendung darf, und melden Sie sich dann als Administrator an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look, then prove it before you apply anything.</source>
        <translation>Melden Sie sich an und sehen Sie nach, dann weisen Sie es nach, bevor Sie etwas übernehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look, apply what differs, then prove it.</source>
        <translation>Melden Sie sich an und sehen Sie nach, übernehmen Sie, was abweicht, und weisen Sie es dann nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in.</source>
        <translation>Melden Sie sich an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look at what the application may do.</source>
        <translation>Sehen Sie nach, was die Anwendung darf.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look in the vault.</source>
        <translation>Sehen Sie im Tresor nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Check the key with Apple.</source>
        <translation>Prüfen Sie den Schlüssel bei Apple.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign and verify.</source>
        <translation>Signieren und prüfen Sie.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look.</source>
        <translation>Melden Sie sich an und sehen Sie nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign-in to Azure</source>
        <translation>Anmeldung bei Azure</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Network and vault's address</source>
        <translation>Netzwerk und Adresse des Tresors</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Permissions by roles (RBAC)</source>
        <translation>Berechtigungen durch Rollen (RBAC)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Permissions by access policy</source>
        <translation>Berechtigungen durch Zugriffsrichtlinie</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Certificate and the CA's answer</source>
        <translation>Zertifikat und Antwort der CA</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Windows trial: time-stamp servers</source>
        <translation>Windows-Probelauf: Zeitstempelserver</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Apple: account, notarisation, ticket</source>
        <translation>Apple: Konto, Notarisierung, Ticket</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Comet Server</source>
        <translation>Comet Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Seen, and explained on {page}.</source>
        <translation>Gesehen und auf der Seite „{page}“ erklärt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>It takes as long as Settings allow for an answer.</source>
        <translation>Es dauert so lange, wie die Einstellungen für eine Antwort erlauben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>The program goes on by itself. You can close this page.</source>
        <translation>Das Programm macht von selbst weiter. Sie können diese Seite schließen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>The practice cloud has no page at this address.</source>
        <translation>Die Übungs-Cloud hat unter dieser Adresse keine Seite.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Sign in as the practice administrator</source>
        <translation>Als Übungsadministrator anmelden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Enter the code that the program shows</source>
        <translation>Geben Sie den Code ein, den das Programm zeigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You have signed in</source>
        <translation>Sie haben sich angemeldet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Sorry, but we are having trouble signing you in.</source>
        <translation>Leider ist bei Ihrer Anmeldung ein Problem aufgetreten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>There is nothing here</source>
        <translation>Hier gibt es nichts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You are being sent back to the program</source>
        <translation>Sie werden zum Programm zurückgeleitet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You have not signed in</source>
        <translation>Sie haben sich nicht angemeldet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Go on</source>
        <translation>Weiter</translation>
    </message>
    <message>
        <location filename="codesign_wizard/app.py"/>
        <source>Practice</source>
        <translation>Übung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>{client} asks for it. No password is needed: this is practice.</source>
        <translation>{client} bittet darum. Ein Passwort ist nicht nötig: Dies ist Übung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You can close this page.</source>
        <translation>Sie können diese Seite schließen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Then choose who signs in. No password is needed: this is practice.</source>
        <translation>Wählen Sie danach, wer sich anmeldet. Ein Passwort ist nicht nötig: Dies ist Übung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/people_routes.py"/>
        <source>That code did not work. Check it and try again.</source>
        <translation>Dieser Code hat nicht funktioniert. Prüfen Sie ihn, und versuchen Sie es noch einmal.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/keyring.py"/>
        <source>the folder of this practice</source>
        <translation>im Ordner dieser Übung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The vault has no access policy for the application.</source>
        <translation>Der Tresor hat keine Zugriffsrichtlinie für die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The portal's template was taken, which does not tick the cryptographic operations.</source>
        <translation>Die Vorlage des Portals wurde genommen, die bei den kryptografischen Vorgängen kein Häkchen setzt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The access policy names the object ID of the app registration.</source>
        <translation>Die Zugriffsrichtlinie nennt die Objekt-ID der App-Registrierung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The access policy is what the documentation asks for: all is well.</source>
        <translation>Die Zugriffsrichtlinie entspricht der Dokumentation: Alles ist gut.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The access policy has more than is asked for: deleting and purging, too.</source>
        <translation>Die Zugriffsrichtlinie enthält mehr, als verlangt wird: auch Löschen und endgültiges Löschen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The application has the roles, but the vault goes by access policies.</source>
        <translation>Die Anwendung hat die Rollen, aber der Tresor richtet sich nach Zugriffsrichtlinien.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>An agreement of Apple's waits to be accepted by the Account Holder.</source>
        <translation>Eine Vereinbarung von Apple wartet darauf, dass der „Account Holder“ sie akzeptiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The API key was revoked, or is another team's.</source>
        <translation>Der API-Schlüssel wurde widerrufen oder gehört einem anderen Team.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The API key's role does not include notarisation.</source>
        <translation>Die Rolle des API-Schlüssels schließt die Notarisierung nicht ein.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple has not set the team up for notarisation yet.</source>
        <translation>Apple hat das Team noch nicht für die Notarisierung eingerichtet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build leaves its package and programs unsigned.</source>
        <translation>Der Build der Übungsfirma lässt Paket und Programme unsigniert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build signs its programs without the hardened runtime.</source>
        <translation>Der Build der Übungsfirma signiert seine Programme ohne Hardened Runtime.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build signs package and programs without a time stamp.</source>
        <translation>Der Build der Übungsfirma signiert Paket und Programme ohne Zeitstempel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build signs with Apple Distribution in place of Developer ID.</source>
        <translation>Der Build der Übungsfirma signiert mit Apple Distribution anstelle von Developer ID.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>Apple takes longer than one wants to wait.</source>
        <translation>Apple braucht länger, als man warten möchte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>A firewall tears every upload to Amazon S3 down.</source>
        <translation>Eine Firewall bricht jeden Upload zu Amazon S3 ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The ticket lags behind Apple's result.</source>
        <translation>Das Ticket lässt nach Apples Ergebnis auf sich warten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>Accepted, but there is no ticket.</source>
        <translation>Akzeptiert, aber es gibt kein Ticket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>There is no certificate of this name in the vault.</source>
        <translation>Im Tresor gibt es kein Zertifikat dieses Namens.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The signing request still waits for the CA's answer.</source>
        <translation>Die Zertifikatanforderung wartet noch auf die Antwort der CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>Somebody deleted the certificate; it can be recovered.</source>
        <translation>Jemand hat das Zertifikat gelöscht; es lässt sich wiederherstellen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate is switched off in the vault.</source>
        <translation>Das Zertifikat ist im Tresor deaktiviert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate expired ten days ago.</source>
        <translation>Das Zertifikat ist vor zehn Tagen abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate expires within three weeks.</source>
        <translation>Das Zertifikat läuft innerhalb von drei Wochen ab.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate is one for web servers.</source>
        <translation>Das Zertifikat ist eines für Webserver.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The key is kept in software, not in the HSM.</source>
        <translation>Der Schlüssel liegt in Software, nicht im HSM.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The key may be exported from the vault.</source>
        <translation>Der Schlüssel darf aus dem Tresor exportiert werden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate has an EC key, which Windows does not accept for programs.</source>
        <translation>Das Zertifikat hat einen EC-Schlüssel, den Windows für Programme nicht akzeptiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate has an RSA key of 2048 bits.</source>
        <translation>Das Zertifikat hat einen RSA-Schlüssel mit 2048 Bit.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate was made by the vault itself, not by a CA.</source>
        <translation>Das Zertifikat hat der Tresor selbst ausgestellt, nicht eine CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The key of the certificate is only allowed to wrap other keys.</source>
        <translation>Der Schlüssel des Zertifikats darf nur andere Schlüssel verpacken.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The vault is of the Standard tier, and a request with an HSM key is made.</source>
        <translation>Der Tresor ist von der Stufe Standard, und eine Anforderung mit HSM-Schlüssel wird erstellt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The CA mixes up orders: its answer is for another request.</source>
        <translation>Die CA verwechselt Bestellungen: Ihre Antwort gehört zu einer anderen Anforderung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The issuer's certificate is neither in the vault nor where the certificate names it.</source>
        <translation>Das Zertifikat des Ausstellers liegt weder im Tresor noch dort, wo das Zertifikat es nennt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault's name does not resolve.</source>
        <translation>Der Name des Tresors lässt sich nicht auflösen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault's firewall does not let this address in.</source>
        <translation>Die Firewall des Tresors lässt diese Adresse nicht zu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault can be reached through a private endpoint only.</source>
        <translation>Der Tresor ist nur über einen privaten Endpunkt erreichbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>A security gateway opens TLS connections and signs them with a CA that is not trusted.</source>
        <translation>Ein Sicherheitsgateway öffnet TLS-Verbindungen und signiert sie mit einer CA, der nicht vertraut wird.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The proxy asks for a login.</source>
        <translation>Der Proxy verlangt eine Anmeldung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault refuses: too many requests.</source>
        <translation>Der Tresor lehnt ab: zu viele Anfragen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault's service is unavailable.</source>
        <translation>Der Dienst des Tresors ist nicht verfügbar.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault does not answer in time.</source>
        <translation>Der Tresor antwortet nicht rechtzeitig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>Connections to the vault are torn down.</source>
        <translation>Verbindungen zum Tresor werden abgebrochen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application has no role on the vault.</source>
        <translation>Die Anwendung hat keine Rolle für den Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application is Contributor of the resource group, which opens nothing in the vault.</source>
        <translation>Die Anwendung ist „Contributor“ der Ressourcengruppe, was im Tresor nichts öffnet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application may read what is in the vault, and use nothing.</source>
        <translation>Die Anwendung darf lesen, was im Tresor liegt, und nichts verwenden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application has the role for certificates, and not the one for keys.</source>
        <translation>Die Anwendung hat die Rolle für Zertifikate und nicht die für Schlüssel.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application may use keys, and not read certificates.</source>
        <translation>Die Anwendung darf Schlüssel verwenden und Zertifikate nicht lesen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application's roles are on one certificate and its key in place of the vault.</source>
        <translation>Die Rollen der Anwendung gelten für ein Zertifikat und dessen Schlüssel statt für den Tresor.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The roles were assigned a minute ago, and the vault does not know of them yet.</source>
        <translation>Die Rollen wurden vor einer Minute zugewiesen, und der Tresor weiß noch nicht davon.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>A deny assignment forbids signing, whatever the roles say.</source>
        <translation>Eine Ablehnungszuweisung verbietet das Signieren, was auch immer die Rollen sagen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The role for keys has a condition: signing over a private link only.</source>
        <translation>Die Rolle für Schlüssel hat eine Bedingung: Signieren nur über eine private Verbindung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application has an access policy, but the vault goes by roles.</source>
        <translation>Die Anwendung hat eine Zugriffsrichtlinie, aber der Tresor richtet sich nach Rollen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator has two-factor authentication, and no code was given.</source>
        <translation>Der Administrator hat Zwei-Faktor-Authentifizierung, und es wurde kein Code angegeben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator's password is wrong.</source>
        <translation>Das Passwort des Administrators ist falsch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator may not see or change the branding.</source>
        <translation>Der Administrator darf das Branding weder sehen noch ändern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator belongs to a tenant of the server.</source>
        <translation>Der Administrator gehört zu einem Mandanten des Servers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server's Software Build role is off.</source>
        <translation>Die Rolle „Software Build“ des Servers ist abgeschaltet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server gives out the vendor's pre-built client.</source>
        <translation>Der Server gibt den vorgefertigten Client des Herstellers aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server refuses the build as JSON, where a file should come.</source>
        <translation>Der Server lehnt den Build als JSON ab, wo eine Datei kommen sollte.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The secret that the server was given has expired; the profile has a newer one.</source>
        <translation>Das Geheimnis, das der Server hat, ist abgelaufen; das Profil hat ein neueres.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server delivers its loader with a data file, signed by the vendor's partner.</source>
        <translation>Der Server liefert seinen Loader mit einer Datendatei, signiert vom Partner des Herstellers.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server's client is signed, but by another company.</source>
        <translation>Der Client des Servers ist signiert, aber von einem anderen Unternehmen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>Somebody changes the server's settings between the look and the save.</source>
        <translation>Jemand ändert die Einstellungen des Servers zwischen Ansehen und Speichern.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>Something else than a Comet Server answers at the address.</source>
        <translation>Unter der Adresse antwortet etwas anderes als ein Comet Server.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The application secret is not one of the application's.</source>
        <translation>Das Clientgeheimnis gehört nicht zu dieser Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The Secret ID was pasted in place of the secret's Value.</source>
        <translation>Anstelle des „Value“ wurde die „Secret ID“ des Geheimnisses eingefügt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application secret has expired.</source>
        <translation>Das Clientgeheimnis ist abgelaufen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The Application ID is not one of the tenant's: the registration's object ID was pasted.</source>
        <translation>Die Anwendungs-ID ist keine des Mandanten: Die Objekt-ID der Registrierung wurde eingefügt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The enterprise application is switched off for sign-in.</source>
        <translation>Die Unternehmensanwendung ist für die Anmeldung deaktiviert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The application is registered, but has no service principal in the tenant.</source>
        <translation>Die Anwendung ist registriert, hat aber keinen Dienstprinzipal im Mandanten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The Tenant ID is no tenant's.</source>
        <translation>Die Mandanten-ID gehört zu keinem Mandanten.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The vault belongs to another tenant than the application.</source>
        <translation>Der Tresor gehört zu einem anderen Mandanten als die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>A Conditional Access policy blocks the application.</source>
        <translation>Eine Richtlinie für bedingten Zugriff (Conditional Access) blockiert die Anwendung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>This computer's clock is three hours behind the cloud's.</source>
        <translation>Die Uhr dieses Computers geht gegenüber der Cloud drei Stunden nach.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>The first time-stamp server is down.</source>
        <translation>Der erste Zeitstempelserver ist ausgefallen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>The first time-stamp server does not answer in time.</source>
        <translation>Der erste Zeitstempelserver antwortet nicht rechtzeitig.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>The first time-stamp server answers another request.</source>
        <translation>Der erste Zeitstempelserver beantwortet eine andere Anfrage.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>No time-stamp server works.</source>
        <translation>Alle Zeitstempelserver fallen aus.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/state.py"/>
        <source>The folder that keeps the practice cloud cannot be used: {reason}</source>
        <translation>Der Ordner, der die Übungs-Cloud aufbewahrt, lässt sich nicht verwenden: {reason}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/runner.py"/>
        <source>Something happened that the wizard does not know.</source>
        <translation>Es ist etwas geschehen, das der Assistent nicht kennt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/runner.py"/>
        <source>What you were doing was stopped; nothing you typed is lost.</source>
        <translation>Was Sie gerade taten, wurde angehalten; nichts von Ihren Eingaben ist verloren.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/runner.py"/>
        <source>Try again. If it comes back, save the log and send it to support.</source>
        <translation>Versuchen Sie es noch einmal. Kommt es wieder vor, speichern Sie das Protokoll und senden Sie es an den Support.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/__main__.py"/>
        <source>Say where the pictures go: python3 dev.py screenshots DIR [LOOK or SCENE…]. Looks: {looks}. Scenes: {scenes}.</source>
        <translation>Sagen Sie, wohin die Bilder gehen: python3 dev.py screenshots DIR [ANSICHT oder SZENE…]. Ansichten: {looks}. Szenen: {scenes}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/pages.py"/>
        <source>The practice accounts should have refused the sign-in, and did not.</source>
        <translation>Die Übungskonten hätten die Anmeldung ablehnen müssen und haben es nicht getan.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/run.py"/>
        <source>The pictures cannot be written to {folder}: {reason}.</source>
        <translation>Die Bilder lassen sich nicht nach {folder} schreiben: {reason}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/run.py"/>
        <source>{scene}, {look}: the process that took the pictures ended.</source>
        <translation>{scene}, {look}: Der Prozess, der die Bilder macht, wurde beendet.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/run.py"/>
        <source>{n} pictures are in {folder}.</source>
        <translation>{n} Bilder sind in {folder}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>the sign-in</source>
        <translation>die Anmeldung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/notary.py"/>
        <source>the upload</source>
        <translation>den Upload</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Apple</source>
        <translation>Apple</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/permissions.py"/>
        <source>the code</source>
        <translation>den Code</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/permissions.py"/>
        <source>the countdown</source>
        <translation>den Countdown</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/server.py"/>
        <source>the first client</source>
        <translation>den ersten Client</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/summary.py"/>
        <source>the report</source>
        <translation>den Bericht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/way.py"/>
        <source>the proxy's password</source>
        <translation>das Passwort des Proxys</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/way.py"/>
        <source>the look without the secret</source>
        <translation>die Prüfung ohne das Geheimnis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/way.py"/>
        <source>the search</source>
        <translation>die Suche</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/apple.py"/>
        <source>the time stamp</source>
        <translation>den Zeitstempel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/certificate.py"/>
        <source>the work to end</source>
        <translation>das Ende der Arbeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/studio.py"/>
        <source>the window to close</source>
        <translation>das Schließen des Fensters</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/studio.py"/>
        <source>Waiting for {what} took too long.</source>
        <translation>Das Warten auf {what} hat zu lange gedauert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/studio.py"/>
        <source>{path} could not be written.</source>
        <translation>{path} ließ sich nicht schreiben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>Drop the files here: .cer, .crt, .pem, .p7b, .zip</source>
        <translation>Dateien hier ablegen: .cer, .crt, .pem, .p7b, .zip</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Choose &amp;files…</source>
        <translation>&amp;Dateien wählen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>The CA's answer (*.cer *.crt *.pem *.p7b *.p7c *.der *.zip *.txt *.eml *.htm *.html *.pfx *.p12);;All files (*)</source>
        <translation>Die Antwort der CA (*.cer *.crt *.pem *.p7b *.p7c *.der *.zip *.txt *.eml *.htm *.html *.pfx *.p12);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>Paste the CA's text</source>
        <translation>Text der CA einfügen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>Or paste the text here, with whatever stands around it in the mail</source>
        <translation>Oder fügen Sie den Text hier ein, mit allem, was in der E-Mail darum herum steht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>App Store Connect API key</source>
        <translation>API-Schlüssel für App Store Connect</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Iss&amp;uer ID</source>
        <translation>Issue&amp;r ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Key ID</source>
        <translation>&amp;Key ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Drop AuthKey_….p8 here</source>
        <translation>AuthKey_….p8 hier ablegen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>API keys (*.p8 *.json *.pem);;All files (*)</source>
        <translation>API-Schlüssel (*.p8 *.json *.pem);;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Choose the API key's file</source>
        <translation>Datei des API-Schlüssels auswählen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Replace…</source>
        <translation>Ersetzen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Replace the API key</source>
        <translation>API-Schlüssel ersetzen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Forget the API key</source>
        <translation>API-Schlüssel entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Takes it out of the keyring, with its ids; the file stays where it is</source>
        <translation>Nimmt ihn aus dem Schlüsselbund, mit seinen IDs; die Datei bleibt, wo sie ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>The Issuer ID is the same for all keys of a team. A key without one is an individual key: the notary service does not take it.</source>
        <translation>Die Issuer ID ist für alle Schlüssel eines Teams gleich. Ein Schlüssel ohne sie ist ein persönlicher Schlüssel: Den nimmt der Notarisierungsdienst nicht an.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>&amp;Check with Apple</source>
        <translation>Bei &amp;Apple prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>above the list of team keys</source>
        <translation>über der Liste der Team-Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>ten letters and digits, in the file's name</source>
        <translation>zehn Buchstaben und Ziffern, im Dateinamen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>One harmless call. Nothing is submitted.</source>
        <translation>Eine harmlose Anfrage. Es wird nichts eingereicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Use it</source>
        <translation>Übernehmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>EC P-256 private key, kept in {place}</source>
        <translation>EC-Schlüssel (P-256), gespeichert: {place}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Use {file}</source>
        <translation>{file} übernehmen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Found {file} in {folder}.</source>
        <translation>{file} wurde in {folder} gefunden.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Copy</source>
        <translation>Kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Text to copy</source>
        <translation>Text zum Kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>your certificate</source>
        <translation>Ihr Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>root</source>
        <translation>Stammzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>intermediate</source>
        <translation>Zwischenzertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>unknown</source>
        <translation>unbekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>The signing request</source>
        <translation>Die Zertifikatanforderung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>The signing request as text</source>
        <translation>Die Zertifikatanforderung als Text</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Ways to show the request</source>
        <translation>Arten, die Anforderung zu zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>In words</source>
        <translation>In Worten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>As text</source>
        <translation>Als Text</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Copy the text</source>
        <translation>Text kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Sa&amp;ve as a file…</source>
        <translation>Als &amp;Datei speichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Drop the request…</source>
        <translation>Anforderung verwerfen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>&amp;Renew it…</source>
        <translation>E&amp;rneuern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Save r&amp;eminders…</source>
        <translation>Erinnerun&amp;gen speichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Save reminders of its end for a calendar</source>
        <translation>Erinnerungen an seinen Ablauf für einen Kalender speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Its chain</source>
        <translation>Seine Kette</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Versions in the vault</source>
        <translation>Versionen im Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>In the vault</source>
        <translation>Im Tresor</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>Issued by</source>
        <translation>Aussteller</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Owner checked</source>
        <translation>Inhaber geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Key</source>
        <translation>Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Version</source>
        <translation>Version</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Serial number</source>
        <translation>Seriennummer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>newest</source>
        <translation>neueste</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>switched off</source>
        <translation>deaktiviert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{names} and {n} more</source>
        <translation>{names} und {n} weitere</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>The certificate {name}</source>
        <translation>Das Zertifikat {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{key}, in hardware ({level})</source>
        <translation>{key}, in Hardware ({level})</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{key}, in hardware</source>
        <translation>{key}, in Hardware</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{key}, in software</source>
        <translation>{key}, in Software</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>until {date}</source>
        <translation>bis {date}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{date}, {left}</source>
        <translation>{date}, {left}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>How much of its time is over: {left}</source>
        <translation>Wie viel der Gültigkeit vorbei ist: {left}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/confirm.py"/>
        <source>Question</source>
        <translation>Frage</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/confirm.py"/>
        <source>Not yet</source>
        <translation>Noch nicht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>Setting</source>
        <translation>Einstellung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>On the server</source>
        <translation>Auf dem Server</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>Here</source>
        <translation>Hier</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>{setting}, on the server: {value}</source>
        <translation>{setting}, auf dem Server: {value}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>{setting}, here: {value}</source>
        <translation>{setting}, hier: {value}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>Apply {part}: {note}</source>
        <translation>{part} übernehmen: {note}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/fields.py"/>
        <source>Choose a file: {name}</source>
        <translation>Datei auswählen: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Check again</source>
        <translation>Neu prüfen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Copy what we saw</source>
        <translation>Kopieren, was zu sehen war</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>What was checked</source>
        <translation>Was geprüft wurde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Status</source>
        <translation>Status</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Code</source>
        <translation>Code</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Message</source>
        <translation>Meldung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>code {code}</source>
        <translation>Code {code}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>PowerShell command</source>
        <translation>PowerShell-Befehl</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Copy what to do</source>
        <translation>Abhilfe kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Read more</source>
        <translation>Mehr dazu</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Read more about this</source>
        <translation>Mehr hierzu lesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>What we saw: {what}</source>
        <translation>Gesehen: {what}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What we saw</source>
        <translation>Was zu sehen war</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Show in the log</source>
        <translation>Im Protokoll zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>likely, not proved</source>
        <translation>wahrscheinlich, nicht nachgewiesen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Check again: {title}</source>
        <translation>Neu prüfen: {title}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>az command</source>
        <translation>az-Befehl</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Show the request {id} in the log</source>
        <translation>Die Anfrage {id} im Protokoll zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Finding</source>
        <translation>Befund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Password of the .p12 files</source>
        <translation>Passwort der .p12-Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>The file itself stays where it is</source>
        <translation>Die Datei selbst bleibt, wo sie ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Signs the package itself (.pkg).</source>
        <translation>Signiert das Paket selbst (.pkg).</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Signs the programs inside the package.</source>
        <translation>Signiert die Programme im Paket.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>or paste its path</source>
        <translation>oder den Pfad einfügen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Certificate</source>
        <translation>Zertifikat</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Team</source>
        <translation>Team</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Valid until</source>
        <translation>Gültig bis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Issuers</source>
        <translation>Aussteller</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Protection</source>
        <translation>Schutz</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Password</source>
        <translation>Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>&amp;Password</source>
        <translation>&amp;Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>The &amp;other password</source>
        <translation>Das &amp;andere Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>The files are not protected by a password.</source>
        <translation>Die Dateien sind nicht durch ein Passwort geschützt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Another…</source>
        <translation>Andere…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Choose…</source>
        <translation>Wählen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>not checked yet</source>
        <translation>noch nicht geprüft</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>empty</source>
        <translation>leer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Password of the other file</source>
        <translation>Passwort der anderen Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Chosen when the files were exported or written here.</source>
        <translation>Beim Exportieren der Dateien oder beim Schreiben hier gewählt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Chosen when the files were exported or written here, the same for both.</source>
        <translation>Es wurde gewählt, als die Dateien exportiert oder hier geschrieben wurden, dasselbe für beide.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Remove the {name} file</source>
        <translation>Datei für {name} entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Identities ({pattern});;All files (*)</source>
        <translation>Identitäten ({pattern});;Alle Dateien (*)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Choose the {name} file</source>
        <translation>Datei für {name} auswählen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Path of the {name} file</source>
        <translation>Pfad der Datei für {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Drop the {name} .p12 here</source>
        <translation>.p12 für {name} hier ablegen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>It is for {file}.</source>
        <translation>Es gehört zu {file}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Installer &amp;file</source>
        <translation>&amp;Installer-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Application file</source>
        <translation>&amp;Application-Datei</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>New password</source>
        <translation>Neues Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Reveal the new password while pressed</source>
        <translation>Das neue Passwort anzeigen, solange gedrückt wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Password of the files</source>
        <translation>Passwort der Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Pass&amp;word</source>
        <translation>&amp;Passwort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>New passwor&amp;d</source>
        <translation>Neues Pass&amp;wort</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Letters and digits are understood by every program. It is kept with the profile's secrets.</source>
        <translation>Buchstaben und Ziffern versteht jedes Programm. Es wird bei den Geheimnissen des Profils gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Protection of the files</source>
        <translation>Schutz der Dateien</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>&amp;Write them…</source>
        <translation>S&amp;chreiben…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>&amp;Leave it</source>
        <translation>Sch&amp;ließen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>A new one</source>
        <translation>Ein neues</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Give each file a name of its own.</source>
        <translation>Geben Sie jeder Datei einen eigenen Namen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Choose a password: a file with a private key is never written without one.</source>
        <translation>Wählen Sie ein Passwort: Eine Datei mit einem privaten Schlüssel wird nie ohne geschrieben.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>AES-256 and SHA-256, for today's programs</source>
        <translation>AES-256 und SHA-256, für heutige Programme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>3DES and SHA-1, as Keychain Access writes, for older importers</source>
        <translation>3DES und SHA-1, wie die Schlüsselbundverwaltung schreibt, für ältere Importprogramme</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Pro&amp;tection</source>
        <translation>Schu&amp;tz</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Say where the {name} file goes, with the whole path.</source>
        <translation>Geben Sie an, wohin die Datei für {name} kommt, mit dem ganzen Pfad.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Where {name} goes</source>
        <translation>Wohin {name} kommt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>good</source>
        <translation>gut</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>mind this</source>
        <translation>zu beachten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>bad</source>
        <translation>schlecht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>to know</source>
        <translation>zu wissen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, and there</source>
        <translation>nötig und vorhanden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, not known yet</source>
        <translation>nötig, noch nicht bekannt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, and not given yet</source>
        <translation>nötig und noch nicht angegeben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, and missing</source>
        <translation>nötig und fehlt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>not needed</source>
        <translation>nicht nötig</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Collecting the log</source>
        <translation>Das Protokoll wird gesammelt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Save the log</source>
        <translation>Protokoll speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Saving the log</source>
        <translation>Das Protokoll wird gespeichert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Not copied</source>
        <translation>Nicht kopiert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Copied ✓</source>
        <translation>Kopiert ✓</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>The lines were copied.</source>
        <translation>Die Zeilen wurden kopiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>The log was saved.</source>
        <translation>Das Protokoll wurde gespeichert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_dock.py"/>
        <source>Dock</source>
        <translation>Andocken</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>No line of this kind yet.</source>
        <translation>Noch keine Zeile dieser Art.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>detail</source>
        <translation>Detail</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>info</source>
        <translation>Info</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>warn</source>
        <translation>Warnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>error</source>
        <translation>Fehler</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>No line matches.</source>
        <translation>Keine Zeile passt dazu.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>Only details so far: choose Details.</source>
        <translation>Bisher gibt es nur Details: Wählen Sie „Details“.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>Local time</source>
        <translation>Ortszeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Level</source>
        <translation>Stufe</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>Part</source>
        <translation>Teil</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What</source>
        <translation>Was</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Request id</source>
        <translation>Anfrage-ID</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{job}, folded</source>
        <translation>{job}, eingeklappt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{job}, unfolded</source>
        <translation>{job}, ausgeklappt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>UTC</source>
        <translation>UTC</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{id}: go to its finding</source>
        <translation>{id}: zu ihrem Befund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_pane.py"/>
        <source>Copy the selected lines</source>
        <translation>Markierte Zeilen kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_pane.py"/>
        <source>Go to the finding</source>
        <translation>Zum Befund</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_pane.py"/>
        <source>Fold or unfold the job</source>
        <translation>Aufgabe ein- oder ausklappen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Search</source>
        <translation>Suchen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Search the log</source>
        <translation>Im Protokoll suchen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Follow new lines</source>
        <translation>Neuen Zeilen folgen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Copy all</source>
        <translation>Alles kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Copy the whole log, redacted</source>
        <translation>Das ganze Protokoll kopieren, bereinigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>The whole log; secrets are left out</source>
        <translation>Das ganze Protokoll; Geheimnisse sind weggelassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Save…</source>
        <translation>Speichern…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Save the log to a file</source>
        <translation>Protokoll in einer Datei speichern</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_dock.py"/>
        <source>Float</source>
        <translation>Ablösen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show the log in a window of its own</source>
        <translation>Protokoll in einem eigenen Fenster zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Hide</source>
        <translation>Ausblenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Hide the log</source>
        <translation>Protokoll ausblenden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Unfold jobs</source>
        <translation>Ausklappen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Fold jobs</source>
        <translation>Einklappen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show every job's lines</source>
        <translation>Die Zeilen jeder Aufgabe zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Fold every job to one line</source>
        <translation>Jede Aufgabe auf eine Zeile einklappen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>All</source>
        <translation>Alle</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show all lines</source>
        <translation>Alle Zeilen zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Details</source>
        <translation>Details</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show all lines and details</source>
        <translation>Alle Zeilen und Details zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Warnings</source>
        <translation>Warnungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show warnings and errors only</source>
        <translation>Nur Warnungen und Fehler zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Requests</source>
        <translation>Anfragen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show lines with a request id only</source>
        <translation>Nur Zeilen mit einer Anfrage-ID zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Following ✓</source>
        <translation>Mitlaufen ✓</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Follow</source>
        <translation>Mitlaufen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_view.py"/>
        <source>Log lines</source>
        <translation>Protokollzeilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_view.py"/>
        <source>Folded</source>
        <translation>Eingeklappt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_view.py"/>
        <source>Unfolded</source>
        <translation>Ausgeklappt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>not asked for</source>
        <translation>nicht verlangt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>sign a client</source>
        <translation>Client-Signatur</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>request, renew</source>
        <translation>CSR, Erneuerung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>documentation only</source>
        <translation>Dokumentation</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Permissions</source>
        <translation>Berechtigungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Likely missing</source>
        <translation>Fehlt wohl</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Not testable</source>
        <translation>Nicht prüfbar</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Likely</source>
        <translation>Wahrscheinlich</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>{group}: {n} of {m} granted</source>
        <translation>{group}: {n} von {m} erteilt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Permission</source>
        <translation>Berechtigung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Needed to</source>
        <translation>Nötig für</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>State</source>
        <translation>Zustand</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/paste_area.py"/>
        <source>Paste what you have</source>
        <translation>Einfügen, was Sie haben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/paste_area.py"/>
        <source>Paste here: JSON from az ad sp create-for-rbac, a vault's address, a key or certificate identifier, a portal link</source>
        <translation>Hier einfügen: JSON von az ad sp create-for-rbac, die Adresse eines Tresors, die Kennung eines Schlüssels oder Zertifikats, einen Portal-Link</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Problem</source>
        <translation>Problem</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Warning</source>
        <translation>Warnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Note</source>
        <translation>Hinweis</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/pieces.py"/>
        <source>For bash, as in Azure Cloud Shell. On Windows take PowerShell.</source>
        <translation>Für bash, wie in der Azure Cloud Shell. Unter Windows nehmen Sie PowerShell.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/pieces.py"/>
        <source>Command</source>
        <translation>Befehl</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Forget the proxy's password</source>
        <translation>Passwort des Proxys entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Its password is not known: type it with the address: {example}.</source>
        <translation>Das Passwort ist nicht bekannt: Geben Sie es mit der Adresse ein: {example}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Its password is not saved: type it each time, with the address: {example}.</source>
        <translation>Das Passwort wird nicht gespeichert: Geben Sie es jedes Mal mit der Adresse ein: {example}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Its password is kept in {place}.</source>
        <translation>Sein Passwort ist gespeichert: {place}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Reveal</source>
        <translation>Anzeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Shown while pressed</source>
        <translation>Wird angezeigt, solange gedrückt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Shown while pressed, or while Alt+F8 is held in the field</source>
        <translation>Sichtbar, solange die Taste gedrückt ist oder Alt+F8 im Feld gehalten wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Replace</source>
        <translation>Ersetzen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Forget</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Reveal {name} while pressed</source>
        <translation>{name} anzeigen, solange gedrückt wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>In order</source>
        <translation>In Ordnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Replace {name}</source>
        <translation>{name} ersetzen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Forget {name}</source>
        <translation>{name} entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Will be stored in {place}.</source>
        <translation>Wird gespeichert: {place}.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Saved in {place}</source>
        <translation>Gespeichert: {place}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Time-stamp servers, in the order in which they are asked</source>
        <translation>Zeitstempelserver, in der Reihenfolge, in der sie gefragt werden</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Add a time-stamp server</source>
        <translation>Zeitstempelserver hinzufügen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Remove the selected time-stamp server</source>
        <translation>Markierten Zeitstempelserver entfernen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Up</source>
        <translation>Höher</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Move the selected time-stamp server up</source>
        <translation>Markierten Zeitstempelserver nach oben schieben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Down</source>
        <translation>Tiefer</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Move the selected time-stamp server down</source>
        <translation>Markierten Zeitstempelserver nach unten schieben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>I have n&amp;one of these yet</source>
        <translation>Davon habe ich noch n&amp;ichts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>I have none of these yet</source>
        <translation>Davon habe ich noch nichts</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Ways to do it</source>
        <translation>Wege dorthin</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>Portal</source>
        <translation>Portal</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>Copy the steps shown</source>
        <translation>Gezeigte Schritte kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>Paste what the script prints into the field above.</source>
        <translation>Fügen Sie oben ins Feld ein, was das Skript ausgibt.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>az script</source>
        <translation>az-Skript</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>PowerShell script</source>
        <translation>PowerShell-Skript</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Practice accounts</source>
        <translation>Übungskonten</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Practice accounts are in use: nothing real is touched</source>
        <translation>Übungskonten sind in Gebrauch: Nichts Echtes wird verändert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What if…</source>
        <translation>Was wäre, wenn…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>What if: let something go wrong in this practice</source>
        <translation>Was wäre, wenn: in dieser Übung etwas schiefgehen lassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Inspect a file…</source>
        <translation>Datei &amp;untersuchen…</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Report</source>
        <translation>Bericht</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Report: summary, save, copy for support</source>
        <translation>Bericht: Zusammenfassung, speichern, für den Support kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Settings</source>
        <translation>&amp;Einstellungen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>not open yet</source>
        <translation>noch nicht offen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Opens when the step before it has been visited</source>
        <translation>Öffnet sich, wenn der Schritt davor besucht wurde</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Steps</source>
        <translation>Schritte</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Stay here</source>
        <translation>Hierbleiben</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Go on anyway</source>
        <translation>Trotzdem weiter</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Show &amp;log</source>
        <translation>Pr&amp;otokoll zeigen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Back</source>
        <translation>&amp;Zurück</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_dock.py"/>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>1 line</source>
        <translation>1 Zeile</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Back to {name}</source>
        <translation>&amp;Zurück zu „{name}“</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Back: {name}</source>
        <translation>Zurück: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Next: {name}</source>
        <translation>&amp;Weiter: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Next: {name}</source>
        <translation>Weiter: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Cancel: {name}</source>
        <translation>Abbrechen: {name}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{n} lines</source>
        <translation>{n} Zeilen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>waiting</source>
        <translation>wartet</translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>working</source>
        <translation>in Arbeit</translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>done</source>
        <translation>erledigt</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>done, with a warning</source>
        <translation>erledigt, mit einer Warnung</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>did not work</source>
        <translation>hat nicht funktioniert</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>left out</source>
        <translation>ausgelassen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>Progress of {stage}</source>
        <translation>Fortschritt von {stage}</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>{what}, {n} s</source>
        <translation>{what}, {n} s</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>&amp;Organisation</source>
        <translation>&amp;Organisation</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Co&amp;mmon name</source>
        <translation>Allgemeiner Na&amp;me</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>&amp;Town</source>
        <translation>Or&amp;t</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>State or &amp;province</source>
        <translation>&amp;Bundesland</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Co&amp;untry</source>
        <translation>&amp;Land</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Who the certificate is for</source>
        <translation>Für wen das Zertifikat ist</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>the organisation's name again</source>
        <translation>wie Organisation</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>More that some CAs &amp;ask for</source>
        <translation>Weitere Angaben, die manche CAs ver&amp;langen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>For e&amp;xtended validation (EV)</source>
        <translation>Für &amp;Extended Validation (EV)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>The key</source>
        <translation>Der Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Kind and size of the key</source>
        <translation>Art und Länge des Schlüssels</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Make it in so&amp;ftware instead of the vault's hardware (tests only)</source>
        <translation>In So&amp;ftware statt in der Hardware des Tresors erstellen (nur für Tests)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Make the key in software, for tests only</source>
        <translation>Den Schlüssel in Software erstellen, nur für Tests</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>What it will contain</source>
        <translation>Was darin stehen wird</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Nothing yet: it grows as you type.</source>
        <translation>Noch nichts: Es wächst, während Sie tippen.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>The subject as the vault is given it</source>
        <translation>Die Angaben zum Inhaber, wie der Tresor sie erhält</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Copy the subject</source>
        <translation>Angaben zum Inhaber kopieren</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>As the trade register has it: the CA compares letter by letter.</source>
        <translation>Wie im Handelsregister: Die CA vergleicht Buchstabe für Buchstabe.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>&amp;Key</source>
        <translation>&amp;Schlüssel</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Every public CA refuses a key outside hardware: only for tests with a CA of your own.</source>
        <translation>Jede öffentliche CA lehnt einen Schlüssel außerhalb von Hardware ab: nur für Tests mit einer eigenen CA.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>{key}, advised</source>
        <translation>{key}, empfohlen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/app.py"/>
        <source>Codesign Wizard</source>
        <translation>Codesign Wizard</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>The log has no line of this request: it was asked in an earlier run.</source>
        <translation>Das Protokoll hat keine Zeile dieser Anfrage: Sie stammt aus einer früheren Sitzung.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>A finding speaks of this request, but its page does not show it now.</source>
        <translation>Ein Befund handelt von dieser Anfrage, aber seine Seite zeigt ihn gerade nicht.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>No finding speaks of this request: it was answered as it should be.</source>
        <translation>Kein Befund betrifft diese Anfrage: Sie wurde beantwortet, wie es sein soll.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>Practice opens no browser. The address was copied.</source>
        <translation>In der Übung öffnet sich kein Browser. Die Adresse wurde kopiert.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>It is switched off: nothing is wrong in the practice now.</source>
        <translation>Es ist abgeschaltet: In der Übung ist jetzt nichts falsch.</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>{what} ({n} s)</source>
        <translation>{what} ({n} s)</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>{reason} Go on all the same?</source>
        <translation>{reason} Trotzdem fortfahren?</translation>
    </message>
</context>
</TS>
