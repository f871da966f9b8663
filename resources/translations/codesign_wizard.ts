<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" sourcelanguage="en_GB">
<context>
    <name>codesign_wizard</name>
    <message>
        <location filename="codesign_wizard/cli.py"/>
        <source>Something happened that this version does not expect (reference {reference}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/cli.py"/>
        <source>Try again. If it comes back, run it with --verbose and send what it prints to support.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>Here: notary check --key-file AuthKey_….p8 --issuer UUID --keep; or {file}, {key_id} and {issuer} in the environment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>the API key, AuthKey_….p8 (or {name})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>its Key ID, if the file's name does not tell (or {name})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/api_key_options.py"/>
        <source>the Issuer ID (or {name})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>A secret never goes into a command line, where others can read it: {option} is not taken.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>opens the wizard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>looks for what keeps signing from working; changes nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>shows what the application may do in the vault; grants what is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>makes a signing request in the vault, shows, saves or drops it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>judges the vault's certificate, merges the CA's answer, renews</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>signs one .exe or .dll, or a .pkg, .app or program for macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>judges the signatures of one file as Windows or macOS would</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>builds or takes an installer, signs, time-stamps and verifies it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>says what files are, whose, until when, and what is wrong</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>judges Apple .p12 files, makes them without a Mac, re-exports them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>tries the App Store Connect key, submits to Apple's notary service, explains its log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>puts Apple's ticket into a package or an app, or validates the one in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>compares and applies a Comet Server's settings, proves its own builds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>writes what is kept, or a fresh diagnosis, as a report without secrets</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>shows and changes what is configured</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>runs the practice cloud for other programs, plays a CA, lists what it plays</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Sets up and proves code signing of a branded backup client.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>commands:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the profile to use, by name or id (default: the one used last)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the proxy, in place of HTTPS_PROXY</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>certificates in PEM, trusted in addition to the system's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>how long one attempt may take</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the vault's name or address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the certificate's name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the tenant's ID or domain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the application's (client) ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>practice: keep accounts and profile in this folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>work on practice accounts, in which SCENARIO is wrong if given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>print one JSON document</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>no progress, no log, and only what is wrong</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>the whole log on standard error, and all evidence</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>answer every question with yes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>read the application's secret from standard input</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>say this</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There is no command called {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There are: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{program} {command} --help lists what it takes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>usage: {program} [COMMAND] [OPTIONS]</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{program} COMMAND --help says what a command takes. Without one, the wizard opens.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>To try it without accounts: {program} trial all --practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>What can go wrong, to be tried one by one: {program} practice scenarios</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>--quiet and --verbose contradict each other.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>--state is for --practice only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{name} is neither a command nor a scenario.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There is no option {option} here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Near to it: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>options for all commands</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>There is no scenario called {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{word} is one word too many.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Use --secret-stdin or --password-stdin, the environment (AZURE_CLIENT_SECRET, CODESIGN_WIZARD_P12_PASSWORD), or the keyring: profile set --secret-stdin.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>Make a new one: this one may be in the shell's history now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/arguments.py"/>
        <source>{program} --help lists the commands.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>There is nothing to be reminded of: {name} is past its end, or there is no certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>The certificate of {name} was merged into the vault as version {version}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate show takes no file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate list takes no file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate recover takes no file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>This gives it to the signing request that waits in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Intermediate valid until</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Kind of key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Hardware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Owner checked by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>In the vault since</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>a signing request waits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>no certificate, and no request that waits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>judge a version; list what the vault holds; check and merge the CA's answer; request the next version; bring a deleted one back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>merge: what the CA sent, in any form; - for standard input. renew: the file for the request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>show: another version than the newest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>show, merge: save reminders of its end (.ics)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>merge: check the answer, and merge nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>merge, in practice: let the practice CA answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Programs cannot be signed with it until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>This version can sign programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Programs cannot be signed with this version.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>To be merged:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Merged, and the vault signs with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>It was merged, but programs cannot be signed with it yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate renew takes one file at most, for the request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>certificate merge needs the CA's files, or - to read standard input.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>--practice-ca is for practice, and in place of the CA's files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>until {date}, {left}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>In the vault {vault}:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Nothing was merged; the vault is as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>It can be merged; nothing was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>This brings the deleted certificate {name} back, with all its versions and its keys.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Paste the CA's text; end it with Ctrl-D (on Windows Ctrl-Z and Enter).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>A signing request waits for the CA's answer: csr show.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Versions of {name}, the newest first:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>There is nothing to renew: csr create.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Interrupted; everything is as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>A yes is needed: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>There was no secret on standard input.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>The practice cloud could not be started: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Add --yes to go on without being asked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>The answer was not yes, so nothing was changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Secret: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>{what} Go on? [y/N] </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>What came is no text.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>Use another folder with --state, or leave it out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request was saved as {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request {name} was dropped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The proof that the key is in the HSM was saved as {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The vault gives no proof that the key of {name} is in the HSM.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>This makes what stands above, and nothing else.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>make a request, show it again, save it as PEM, or drop it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>save, create: the file for the request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>show, save: also save the service's proof that the key is in its HSM, where it gives one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>csr save needs a file to write.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>To be made:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request waits for the CA's answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>The signing request is not as it should be.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>Nothing waits any more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>There is no signing request to work with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>No signing request was made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>Give this request to the CA, then: certificate merge FILE…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>This drops the signing request {name}. Its key is lost: a certificate that the CA issues for it can never be used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>csr {what} takes no file; csr save writes one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>{system} was left out: the profile does not want it, and nothing is set for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Nothing is set up on this computer yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Vault's tenant</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Seen by the vault as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signed in until</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Intermediate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Intermediate expires</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signs programs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signs packages</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Expires</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Time-stamp server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>what to look at</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>look at every profile, several at a time; all is what each of them wants or has settings for, and nobody is asked for a password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for Windows works: the vault signs, and the signature is good.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>To be led through it, open the wizard: codesign-wizard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>To see the whole way on made-up accounts first: codesign-wizard trial all --practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for macOS works: both identities sign, and Apple lets the API key notarise.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for macOS works: both identities sign, and the signatures hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing works; nothing can be notarised until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for macOS will not work until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>Looking at the profiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>Signing will not work in every profile until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>{n} of {all} profiles were looked at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>There are no profiles yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>? {profile}: not looked at</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor_profiles.py"/>
        <source>Signing works in every profile, as far as was looked ({n}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>done, with warnings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>failed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>skipped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Sign-in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Compare</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Save</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Read back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Saved as {file}: {reminders}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>No calendar file was written: of nothing is known when it ends.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>also tell what ends within DAYS, or has ended; the exit code is 1 then</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>save reminders of all known ends (.ics)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>There is no display to open the wizard on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>The wizard cannot be opened: a library that its window needs is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>close the window again once it is there: to test an installation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>Work in the terminal: codesign-wizard doctor windows, codesign-wizard trial windows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>Without accounts: codesign-wizard trial all --practice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/gui.py"/>
        <source>Install it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give the password on standard input (--password-stdin), or in CODESIGN_WIZARD_P12_PASSWORD.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: csr show shows the request again, certificate merge FILE… merges the answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate list shows what the vault holds, csr create makes a signing request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate renew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate recover brings it back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: csr save FILE saves it again, csr cancel drops it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it with --server URL or in CODESIGN_WIZARD_SERVER, or keep it: profile set server.address=URL.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it with --user NAME or in CODESIGN_WIZARD_SERVER_USER, or keep it: profile set server.user=NAME.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it on standard input (--password-stdin) or in CODESIGN_WIZARD_SERVER_PASSWORD, or keep it in the keyring: profile set --server-password-stdin.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it on standard input (--code-stdin) or in CODESIGN_WIZARD_SERVER_CODE.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Look at it with inspect FILE, or open it in the window: gui --profile FILE.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: csr create makes one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Here: certificate merge FILE… merges it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>judge .p12 files; make keys and requests; .cer and key to .p12; both under one password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>the .p12 or .cer files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>check: what is meant as Installer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>check: what is meant as Application</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>read the password from standard input, a line for each file where they differ</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>repack: the last line of standard input is the new password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>where files go (default: here)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>write 3DES and SHA-1, which older importers want</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>request: new keys though some wait already</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>request: the name in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>request: the address in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>roots and issuers that count as Apple's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity check needs a .p12 file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Not with these files as they are.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity repack needs one or two .p12 files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Both files are of one kind; repack one file at a time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>The files are ready.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>The files were written, but what is wrong with them is wrong still.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity request takes no files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>The requests are ready for Apple's site; the keys wait here, encrypted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>identity assemble needs the .cer files from Apple's site.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>These identities can be signed with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>This identity can be signed with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>{files} will be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>No request was made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Choose a password, keep it yourself, and give it each time in {variable}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Give one in {variable}, or on standard input.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity_passwords.py"/>
        <source>New password for the .p12 files: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity_passwords.py"/>
        <source>The two are not the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity_passwords.py"/>
        <source>Once more: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/inspect.py"/>
        <source>read a .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/inspect.py"/>
        <source>Not all is as it should be.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>lets it through</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>stops it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>lets it through once Apple has notarised it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Password of the .p12 files: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Nothing was signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Signed, but macOS will not accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>macOS will not accept this file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Gatekeeper, online</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Gatekeeper, offline</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>The signature holds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/hints.py"/>
        <source>Give it with {option} or in {variable}, or keep it: {setting}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>{option} does not apply to {file}: it is for {system}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: the Developer ID Application .p12</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: the Developer ID Installer .p12</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>read the .p12's password from standard input (else CODESIGN_WIZARD_P12_PASSWORD)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: how far to go, or what to judge for (default: the profile's)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: go on with the former trial, whatever is to be signed now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: sign and submit anew, also where the same trial was left unfinished</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: submit what Apple would refuse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: for Apple's result and its ticket; default: 60, the rest is with Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: sign a .pkg, not the programs in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: entitlements in place of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: the code's identifier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_arguments.py"/>
        <source>macOS: leave the hardened runtime off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>There is no macOS trial of this profile to go on with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The trial did not come to its end; what was signed is kept. Started again, it goes on there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed, verified and notarised.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>It is signed, and with Apple now. Started again, it goes on there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Nobody waits any more; it goes on with Apple. Started again, the trial goes on there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The package is signed, but not sent yet. Started again, the trial goes on there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The trial was refused; what was signed is kept. Started again, it signs anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Programs signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed, verified, notarised and stapled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>notary {what} takes {wanted}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Nothing can be notarised with this key as things are.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>nothing more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Apple has notarised it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is not notarised.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is notarised, but not all is done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>try the key; submit a file; ask for a result; fetch a log; list submissions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>the file, or the submission's ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>check: keep key and ids when Apple has accepted them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>wait for Apple's result (submit: yes, status: no)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>default: 60; the rest is with Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>submit, status: staple the ticket once it is accepted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>status, log: the file, to compare the log with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>submit what Apple would refuse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>submit again what was submitted already</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>roots that count as Apple's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>roots that count for time stamps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Apple lets this key notarise.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>This team has submitted nothing yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is with Apple now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>It is not sent yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>a submission ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Kept in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Submission</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Uploaded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Apple's log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Here: notary status {id} --wait --staple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>note</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>ok</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>See</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>{title} (likely)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>What to do: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>1 error</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>request {id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>{n} errors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>The result could not be written: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>What we saw:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>No administrator signed in; what the application itself may do is as shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Granting needs an administrator: add --as az, --as browser or --as device-code.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Granted, and the vault knows it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing had to be granted, and the vault knows all of it now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing had to be granted, but the vault does not know all of it yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Waiting until the vault knows the grant: {left} left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>not known from here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>show: the permissions, changes nothing; grant: what is missing, after asking</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>sign in as administrator: the session of az, the browser, or a code on another device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>grant: what for (default: all that the server's documentation asks for)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>grant: exactly what is needed, by a custom role or single ticks, not the usual roles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>show: only what is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing had to be granted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing was granted: no grant is missing, and no other helps against what stands above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>This grants what stands above, and takes nothing away.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>The grant is not enough, or not known to the vault yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Look with permissions show what works by now; granting again does no harm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Signing for Windows will not work until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Not all of it was granted: what was refused stands above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Nothing was granted: what was refused stands above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>None of it was confirmed yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Granted. Waiting until the vault knows it, {minutes} min at most; Ctrl-C ends this.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Waiting until the vault knows it, {minutes} min at most; Ctrl-C ends this.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Signed in as {account}. To be granted:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Practice: its administrator types it now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Not certain, and not listed as missing: {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Open {address} and type the code {code}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Sign in there, in the browser: {address}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>practice files takes one folder, practice issue one request, the others nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>files: the folder to write to; issue: the signing request to answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: the form in which the practice CA answers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: answer as Apple's site does, with a certificate of this kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: what is wrong with the answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>issue: where files go (default: here)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>serve: end when standard input is closed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>serve: how long Apple's notary takes (default: 1; the real one takes minutes)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>serve: whose assignments to print</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>The practice cloud runs until Ctrl-C.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>A device code is typed here: {address}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>It works in practice: signed, time-stamped and verified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What it is worth:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What next:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>So neither Windows nor macOS trusts these files, and nobody should be given them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>The steps were those with real accounts, and so are the checks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>The signatures are by practice authorities, which only this program knows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>It works in practice: signed, time-stamped, verified, notarised and stapled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>It works in practice: signed, time-stamped, verified and notarised.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What other programs say of it:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the installer for Windows, signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the same in a zip, as a server gives it out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the package for macOS, signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the authorities by which it can be checked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>So Windows does not trust this file, and nobody should be given it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>So macOS does not trust this file, and nobody should be given it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the wizard, which leads through it with your own accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>what can go wrong, each to be tried and explained</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>What was made, in {folder}:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>the same with Apple's notary, stapled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_end.py"/>
        <source>removed after a day; --output DIR puts them where they stay</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>The sample files cannot be written to {folder}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>Judge one in that folder, as: {command}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>Or a package or program, as: {command}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source>The sample files in {folder} will be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_files.py"/>
        <source> (password: {password})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>{file} cannot be read as a signing request: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>The practice CA does not take this request: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>The answer cannot be written to {folder}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>Without --state DIR this CA ends with the command, and nobody knows it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>it is far too large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>it is no signing request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>--form and --fault are not for Apple's answer, which is a .cer file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/csr.py"/>
        <source>{file} will be replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>Make it with codesign-wizard identity request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice_issue.py"/>
        <source>Make another request; --fault unchecked answers this one all the same, and --apple installer or application as Apple would.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The profile {name} is saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The profile {name} and its secrets are forgotten.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>Files of another computer were left out of the profile: {files}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The proxy's login was left out of the export.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/practice.py"/>
        <source>what to do</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>set: keep the Comet Server's password, from standard input, in the keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>set: keep the one password of the .p12 files, read from standard input, in the keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>set: make a new profile with this name first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>There is no profile yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it needs KEY=VALUE, --secret-stdin, --password-stdin or --server-password-stdin</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>there is no profile to forget</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it needs a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>the profile in it has no name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>a profile needs a name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it has no = in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>The profile {name} and its secrets will be removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>it cannot be read as JSON</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>profile {what} does not take it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile.py"/>
        <source>Written to {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>{setting} cannot be set: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>a profile needs one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>a team identifier is ten letters and digits, such as ABCDE12345</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it must be yes or no</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it must be a date such as 2027-05-01</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it is not a setting; near to it: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/profile_settings.py"/>
        <source>it must be one of {values}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/report.py"/>
        <source>where it goes, .html or .json; without it the short text for support is printed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/report.py"/>
        <source>run doctor first, and report on that</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/report.py"/>
        <source>report takes neither --all-profiles nor --expiring nor --calendar.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>a new request: the subject</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>a new request: the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>the whole name, as in O="Example, Inc.",L=Town,C=GB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>kind and size of the key (default: rsa-4096, which is advised)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>not in the HSM; CAs refuse it for code signing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>a tag for the certificate; may be repeated</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>A subject is needed: --organization, --locality, --country, or --subject.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>Give the subject as a whole with --subject, or in parts, not both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>A tag is written as NAME=VALUE, not as {text}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/request_options.py"/>
        <source>The subject cannot be read: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>This changes the settings above, and nothing else.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>show: what the server has; diff: beside what the profile holds; apply: give it what differs, after asking; undo: give it the old values back; prove: let it build its clients, and judge them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>diff, apply: only these settings; may be given more than once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>which of the server's fields take the .p12 files: CertificateFile or CertificateName</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: the client to build, by the server's number; may be given more than once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: only list what the server can build</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: where the downloaded clients are put</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>prove: how long the server may take for one client (default: 30)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>the server's address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>the administrator's user name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>read the administrator's password from standard input</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>read a one-time code from standard input, on the line after the password if both are</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>let an http address of another computer be used, unencrypted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Password of {user} on {host}: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Applied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The settings were given to the server; it will not sign clients until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>This gives the server the values from before the last change.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Undone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server does not have all its old settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server's own clients are not signed as they should be.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server offers no client.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>on the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>in the profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Give minutes, more than 0 and at most 1440.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>it was not waited for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server can sign clients with these settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server will not sign clients until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Nothing stands in the way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>There was nothing to apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Nothing was changed on the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>server undo gives the old values back; server prove shows whether it signs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>The server builds no clients.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>To be changed on {host}:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>One-time code for {user}: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>To be set back on {host}:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Standard input can bring one secret only: the application's, or the .p12's password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Another program's judgement:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>the .exe, .dll, .pkg, .app or Mach-O to sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>where the signed file goes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>sign with this .p12 in place of the profile's keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>sign without a time stamp</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Windows: add to the signatures that are there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Windows: the profile's, else sha256</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>what Windows names when it asks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>the address that goes with it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>a time-stamp server, in order; may be repeated</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>Signed, but Windows will not accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/sign.py"/>
        <source>{name} is valid from {start} to {end}, and it was signed on {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Password of {file}: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>{file} will be replaced by its signed form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>a .pkg or an .app that Apple notarised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>look only: is the right ticket there?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>for a ticket that is not there yet; default: 5</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>The ticket is stapled, and it is the right one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>Without the right ticket a Mac has to ask Apple, which takes a network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>{size} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>Windows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>Checksum</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>what to try</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>your own .exe or .pkg in place of the sample</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>where the files go; a name that ends in .exe or .pkg is the file's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>of the Windows sample; default: x64</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>The trial did not succeed; nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>usage: </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>positional arguments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>argument %(argument_name)s: %(message)s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>the following arguments are required: %s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>one of the arguments %s is required</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>not allowed with argument %s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>ignored explicit argument %r</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected one argument</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected at most one argument</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected at least one argument</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>expected %s arguments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>invalid %(type)s value: %(value)r</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/usage_words.py"/>
        <source>invalid choice: %(value)r (choose from %(choices)s)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>an .exe, .dll, .pkg, .app or Mach-O</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>trust these roots for code signing, too</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>trust these roots for time stamps, too</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>Windows will not accept this file as it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>The file is signed, and Windows will accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it has other characters than letters and digits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is not of the form 8-4-4-4-12 hexadecimal digits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is an Issuer ID, which belongs into the other field</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a Key ID or a Team ID; the Issuer ID stands above the list of keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>its hyphens are missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>The key in the keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a public key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it holds no private key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is far larger than a key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it has {count} characters, not 10</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a JSON file without a key in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it does not begin like a key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is no JSON</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>what is between its first and last line is no key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is neither a key nor a certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>its last line, “{line}”, is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is a .p12 file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is not the API key: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is a certificate, not the API key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is encrypted; the API key comes from Apple without a password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} holds a key of another kind ({kind}); Apple's API keys are EC P-256.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} holds an EC key of the curve {curve}; Apple's API keys are of P-256.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is cut short or damaged: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} is named like a key for in-app purchases, not for App Store Connect.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>There is no App Store Connect API key yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Key ID is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{value} is not a Key ID: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Key ID was taken in capital letters: {value}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Key ID is {value}, but the file's name says {named}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>The Issuer ID is missing; a key that has none is an individual key, which the notary service refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{value} is not an Issuer ID: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple accepts the API key {key_id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple does not accept the key: Key ID, Issuer ID and file do not belong together, or it was revoked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple does not know the key {key_id} under this Issuer ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Apple no longer accepts the key {key_id}, which worked on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Make a team key in App Store Connect and download it; that can be done once for each key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Take the file anew from where it was downloaded to, or from a backup.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Give the file as Apple gave it, or take the password off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Compare both ids with App Store Connect.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Generate API Key: a name, access “Developer”. An administrator has to do it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Download the file AuthKey_….p8. The Issuer ID stands above the list, the Key ID in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>It is a short text: “-----BEGIN PRIVATE KEY-----”, four lines, “-----END PRIVATE KEY-----”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Give the file itself: copying its text from a mail or a web page often loses a line.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>It asks for the password. Delete the new file once it was given here: the keyring has it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>App Store Connect &gt; Users and Access &gt; Integrations &gt; App Store Connect API &gt; Team Keys.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Issuer ID: above the list; it is the same for all keys of a team.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Key ID: in the key's line. A key that is not under Active was revoked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>Where OpenSSL is installed: {command}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it has no paths</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it has no root</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it is no bill of materials</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>a folder of {path} is missing in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>{path} is larger than 4 GiB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>it has neither a folder Contents nor an Info.plist</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its Info.plist names a program outside of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its Info.plist is too large to be one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its Info.plist cannot be read: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>{path} is neither a file nor a folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/certificates.py"/>
        <source>another kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>its list of hashes is another one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>its further CodeDirectories are not signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it again with a time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it with the Developer ID Application certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it with Developer ID Application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it again with the hardened runtime.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>there is no CodeDirectory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Take it from where it was signed, or sign it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>the signer's certificate is not in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>its CodeDirectories contradict each other</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_cms.py"/>
        <source>its list of hashes is not one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_cms.py"/>
        <source>its list of hashes is no property list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>it covers scattered code, which no program does</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its hashes lie outside of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its version is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its kind of hash is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>its numbers are beyond any program's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>a name in it is not readable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>the file ends before the code that was signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is signed by nobody: it has only the linker's hashes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The signature of {place} cannot be read: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Every page of code is what was signed (signatures: {count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} was changed after it was signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Info.plist, requirements, entitlements and seals are those that were signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} was signed with other {part} than it has now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The signatures were made by the key of {signer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The signature of {place} does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>macOS will not accept {signer}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The certificate is for apps outside the App Store (Developer ID Application).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is signed with a certificate of another kind: {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>All code fulfils its own designated requirement.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} does not fulfil the requirement it carries: {requirement}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} carries no designated requirement; macOS makes one up from its certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The hardened runtime is on for every program.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} does not have the hardened runtime on, which notarisation asks for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The time stamps hold; the latest says {time} UTC ({server}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The time stamps hold ({time} UTC, {server}), but by a root that was added in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} has no time stamp, which notarisation asks for; its signature ends on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The time stamp of {place} does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>All code is of one team: {team}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} is of team {team}, the rest of {other}: with the hardened runtime it will not be loaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} says team {team}, but its certificate is of {other}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The two forms of the entitlements of {place} say different things.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} asks to be debugged (get-task-allow), which Apple usually refuses to notarise.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>All {count} sealed files are as they were, and nothing was added.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} has no readable seal over its files: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Not as it was sealed in {place} ({count}): {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} has bytes attached to it that no signature covers, which macOS refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{place} holds what its seal cannot cover, which macOS refuses: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The link {place} leads out of the bundle, to {target}, which macOS refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The link {place} leads to nothing in the bundle ({target}), which macOS refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>A rule of the seal of {place} was not applied: {rule}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{folder} is not an app or another bundle: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>Gatekeeper stops it on a customer's Mac until Apple has notarised it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>A notarisation ticket is stapled to it; what it says was not checked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>app or other bundle for macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>program for macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>library for macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Mach-O file of the kind {kind}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Programs and libraries</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>{file} is code for macOS signed by {signer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Identifier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Hardened runtime</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>Entitlements</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>{file} is code for macOS, signed by nobody: only hashed by its linker.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_inspect.py"/>
        <source>{file} is code for macOS that is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its entry for {path} is not one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its rule {pattern} is not one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its part “{name}” is not a list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a file name in it is empty or too long</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>it is no cpio archive, or is damaged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a link in it leads nowhere</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a number in it is damaged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>{name} does not fit into a package: too large, or an owner's number too high</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>a signature that is not detached</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/doctor.py"/>
        <source>The time-stamp server {server} answers, and its time stamp holds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/doctor.py"/>
        <source>This computer's clock is {minutes} minutes off the time-stamp server's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/doctor.py"/>
        <source>A test program and a test package were signed by team {team}, and their signatures hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>they hold a date, a fraction or binary data, which they must not</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>a value of another kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it is larger than any property list of this kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>its outermost part is no dictionary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>they are nested too deeply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>no dictionary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>nested too deeply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it is no property list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it repeats itself without end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>a version that is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>no pair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>app or other bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/forms.py"/>
        <source>app in a zip</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper stops a downloaded copy, with a network and without: its signature does not hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper stops a downloaded copy, with a network and without: Apple has not notarised it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Once Apple has notarised it, Gatekeeper lets a downloaded copy through; without a network it stops it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>No ticket is stapled yet: until then a Mac without a network stops a downloaded copy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper lets it through without notarisation, because its certificate is of before April 2019.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Gatekeeper lets a downloaded copy through, with a network and without, if the ticket belongs to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/gatekeeper.py"/>
        <source>Choose a level with notarisation for what customers download.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>{file} is the {kind} certificate: it was moved there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Two files were taken; these were not looked at: {files}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>{file} holds both identities, and programs differ in which one they take.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Write each identity to a file of its own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Run `codesign-wizard identity repack` with the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_desk.py"/>
        <source>Give one of them in place of another.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is no .p12 file: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is a certificate without its private key ({name}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is damaged: it begins like a .p12 file but cannot be read to its end.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The password does not open {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is protected by a password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} asks for more work than any .p12 file needs and is not opened.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is protected in a way that cannot be opened here: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The password opens {file}, but the key or certificate in it cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds certificates but no private key, so nothing can be signed with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds a private key, but no certificate that belongs to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds neither a key nor a certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds {count} identities; {name} is the one that is used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} hides its keys behind the password, so only the first one is seen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds a certificate “{kind}”, which does not sign for distribution outside the App Store.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds a certificate that Apple did not make for signing ({name}, issued by {issuer}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} is the {kind} certificate, not the {wanted} one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Both files are {kind} certificates; the {missing} one is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The two files belong to two teams: {first} and {second}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The two files are under two passwords; the server takes one for both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} is valid only from {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} expires on {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} was issued by Apple's first Developer ID authority, which ends on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The RSA key in {file} has only {bits} bits; Apple asks for 2048.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The key in {file} is not an RSA key; Developer ID certificates have RSA keys.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} names no team.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The certificate in {file} does not lead to Apple's root: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} lacks Apple's intermediate certificate; it is added from this program.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>A password is needed for the .p12 files that are to be written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Written, with key and whole chain: {files}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The key and signing request for {kind} are ready: {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>A signing request for {kind} of {date} waits already, and is given out again: {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>This system has no keyring to keep the keys' password in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>The key for {kind} that was made here does not open with the password kept for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} ({name}) does not belong to any key that was made here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>No signing request was made here that a certificate could belong to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} holds no certificate: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file}: {kind} of {name} (team {team}), valid until {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Installer and Application belong to the same team, {team}, and open with one password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Export the certificate together with its key, on the Mac that made the request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Give each file in the other's place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Re-export both files under one password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Type the password that was chosen when the file was exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>If its signing request was made here, put the .cer together with the key that waits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Open Keychain Access, keychain “login”, category “My Certificates”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Unfold the certificate: a private key must appear below it, or this is another Mac.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Select the certificate, File &gt; Export Items, format .p12, and choose a password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Sign in as the Account Holder: only that role creates Developer ID certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Choose G2 Sub-CA, upload the signing request, and download the .cer file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Run `codesign-wizard identity repack` with both files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>It is not the password of the Mac or of the Apple account, unless the same was chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>If it is lost, export the file again: a .p12 cannot be opened without it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Run `codesign-wizard identity assemble` with the .cer file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Create a {kind} certificate on Apple's site.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>Certificates, + (add), under Software choose {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>Export or copy the file again, as a whole.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>Export one identity a file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>In Keychain Access, select one certificate only before File &gt; Export Items.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_judge.py"/>
        <source>Or run `codesign-wizard identity repack`, which writes each to its own file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_pair.py"/>
        <source>Choose the team that publishes the program, and get the other certificate from it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_pair.py"/>
        <source>On Apple's site, the team is chosen at the top right, by its name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>No certificates yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Drop the two .p12 files that a Mac exported, or make the signing requests here, without a Mac.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The .p12 files are not written yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The password of the files is still missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Apple's certificates are still missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The certificates fit the keys made here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Type the password of the files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>It was chosen when they were exported or written here. They are read on this computer only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Both are needed: one signs the package, the other the programs inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Both certificates can sign, for {owner} (team {team}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>Two signing requests wait for Apple's certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The first of them ends on {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The request for {kind} waits for Apple's certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>The {name} certificate is still missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_words.py"/>
        <source>They are not written yet: say where the .p12 files go.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_work.py"/>
        <source>Unlock or install a keyring, or choose a password yourself and use the command.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_work.py"/>
        <source>Set CODESIGN_WIZARD_KEYS_PASSWORD to a password that you keep yourself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_work.py"/>
        <source>Run `codesign-wizard identity request`, and later `identity assemble`, with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asks Apple's time-stamp server only. Keys and file stay on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed and notarised: it opens on a Mac that can ask Apple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Going on takes it from Apple and staples it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asks Apple for the result; nothing is sent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asks Apple for the ticket; nothing is sent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Sends the signed package to Apple. The keys stay on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed, notarised and stapled: it opens on every Mac, with a network and without.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Mend what is listed below, then try again; or submit it all the same, by the button above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Sign it, innermost first, then the package again: a trial on this page does both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Going on sends only what has not arrived.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos_trial.py"/>
        <source>Signed and verified: the signatures hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed, notarised and stapled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Signed and notarised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>not fully uploaded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>with Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>refused: invalid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>given up: never fully uploaded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Upload</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Staple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Validate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{file} is notarised; the ticket is not in it yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Uploading to Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Waiting for Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Stapling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Comparing the ticket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{done}, with the roots that were added: macOS does not know them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{file} is with Apple; nobody waits for the result now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Going on asks for it. The submission {id} is kept, and nothing is sent twice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>{file} is signed; the upload to Apple is not finished.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Uploading to Apple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Cancelling keeps what has arrived; going on sends the rest.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Apple is looking at it: usually 2 to 15 minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>New teams may wait hours. Stop waiting whenever you like: the submission stays with Apple, and this page goes on with it, even after the wizard was closed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Asking Apple for the ticket.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>It may come a little after the result.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Comparing the ticket with Apple's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>For customers, take “Sign, notarise and staple”: a backup client is often installed behind a firewall, or on a Mac that is being set up, from where Apple cannot be asked. There the ticket has to be inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The price is the wait at the first download after each new version of the server, 10 minutes or more; later downloads are at once. If that wait is a nuisance and all Macs are online, “Sign and notarise” is enough.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>“Sign only” is for tests, and for packages that are not downloaded with a browser or a mail: only what is marked as downloaded is judged by Gatekeeper.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The API key is still missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Apple accepts the key: this level can be reached.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Developer ID Installer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Developer ID Application</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Both certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: could not be checked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Fastest. macOS 10.15 and later stop what was downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Good. The customer's Mac asks Apple once, when it is first opened.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Best. Apple's ticket is inside the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The API key that was found is not taken yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The other two levels avoid that; they need an API key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Key or network changed since Apple was asked: check it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>An API key was found on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Take it below, or give another one; then the Issuer ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>This level needs an App Store Connect API key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Drop its file below, AuthKey_….p8, and give the Issuer ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The key is there. Apple has not been asked yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Issuer ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>Key ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: found, not taken yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: none yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Agreement with Apple: has to be accepted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Membership in Apple's programme: ended or suspended</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: Apple does not take it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The {name} is still missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{one} and {other} cannot be right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The {name} cannot be right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: not checked yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: accepted by Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>No API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Customers read “cannot be opened”, with a network and without</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>macOS 10.14 and earlier open it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>First download of a client: seconds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>With a network: opens, on every macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Without a network: macOS 10.15 and later stop it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>First download of a client: minutes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Opens with a network and without, on every macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>First download of a client: 10 minutes or more; problems stand in the server's log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{name}: none yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{name}: cannot sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>{name}: not checked yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: {one} and {other} cannot be right</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: its {name} cannot be right</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>API key: its {name} is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} accepts {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} refuses {file}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} does not let {file} through, as expected here: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>macOS' own {program} could not be asked about {file}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>it says nothing more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>Asking {program}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>it did not end within {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it is not a macOS program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it is cut short or not a macOS program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has more load commands than any program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>its signature is larger than any</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>two of its parts overlap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it is a static library, which is not signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>a load command is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has two signatures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>its signature lies outside the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has more segments or sections than any program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>a load command's length does not fit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>its Info.plist lies outside the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>part {number} lies outside the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>part {number} has an alignment no program has</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>part {number} is for another processor than the table says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>segment {name} lies outside the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho.py"/>
        <source>it has two segments {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>it has no segment __LINKEDIT, where a signature belongs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>its segment __LINKEDIT is not the last one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>it is too large for a signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>its signature is not in the segment __LINKEDIT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>something follows its signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/macho_write.py"/>
        <source>there is no room for one more load command; link it with -headerpad 0x20 or more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>still at work</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>Mend what is listed, sign again, submit again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>Apple has been at work for {elapsed}, usually 2 to 15 minutes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary.py"/>
        <source>Apple's log has no issues: ask Apple, with the submission ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Compare the id; notary history lists what the team submitted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Ask for the status; the log is there once Apple has finished.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it does not say where the file goes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it does not say where the log is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>the log cannot be fetched</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Making a new token</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it holds no submission</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>what is called the log is none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>it is not what the service's documentation says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>Look whether a proxy answers in Apple's place; else try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_api.py"/>
        <source>An id is letters, digits and hyphens, as submit prints it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>An individual key, which belongs to a person and has no Issuer ID, is refused in the same way, and so is a key for push notifications, whose file is called AuthKey_….p8, too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>What was checked here: the file is an EC P-256 key, and this computer's clock is right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Let the Account Holder accept the agreement that waits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>If nothing waits to be accepted, look whether the membership has ended, and renew it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Look at Apple's status page for “Developer ID Notary Service”, and try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Only the Account Holder of the team can do it. Apple says the same when the membership has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>The key is real, but its team cannot be used: ended, suspended, or not in the programme.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>A key's access cannot be changed afterwards: a new key is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Who it is: App Store Connect &gt; Users and Access, the person with the role Account Holder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>developer.apple.com &gt; Account: a banner asks to review the Apple Developer Program License Agreement.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>App Store Connect &gt; Business (Agreements): accept what is shown as new or updated.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>It may take some minutes, seldom a day, until the notary service knows. Then check again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>developer.apple.com &gt; Account &gt; Membership details: the expiry date, Renew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Send Apple's words and the time to the support of this program.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Key and ids are the same as then. {checked}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>The Key ID is the one in the file's name, so the Issuer ID is most likely another team's; or the key was revoked. {checked} {individual}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Try again in an hour.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Is it still Active there? Then Apple may have a fault: try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>Look whether the team is a paid member of the Apple Developer Program.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_explain.py"/>
        <source>developer.apple.com &gt; Account &gt; Membership details.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>An agreement with Apple has to be accepted before anything is notarised.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The team's membership in the Apple Developer Program has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The API key {key_id} may not notarise: its role is too low.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple does not give this key access to its team's notarisation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service refuses the request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service has a fault: status {status}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service has been asked too often for now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's notary service does not take the request: status {status}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The answer is not one of Apple's notary service: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple knows no submission {id} of this team.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>There is no log of {id} yet, or no such submission.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} cannot be notarised: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} was changed while it was being uploaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple would refuse {file}: nothing was uploaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Our own verification finds nothing in {file} that Apple would refuse.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} was not looked at before the upload: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} is being submitted by another run of Codesign Wizard.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The upload did not get through: {done} of {total} are there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple's storage refuses the upload: {code}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The upload went on where it had stopped: {done} of {total} were there already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The upload of {file} was stopped: {done} of {total} are with Apple's storage, as submission {id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The unfinished upload of submission {id} cannot be continued ({why}); a new submission was made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The submission cannot be noted down: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{file} is with Apple; the submission is {id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple is still at work on {id}: {elapsed} so far.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple has notarised {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>These very bytes were submitted on {date} already: nothing was uploaded again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple does not notarise {file}: {summary}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple has rejected {file}: {summary}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} is not signed with a Developer ID certificate that counts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} has no secure time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} does not have the hardened runtime on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} asks to be debugged (get-task-allow).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>The signature of {what} does not hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} was built with an SDK that is too old.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>{what} cannot be unpacked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>There is no signed program in {what}, so there is nothing to make a ticket for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple says of {what}: {message}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Our own verification says so; Apple has not been asked. {meaning}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Looked at here, the file does not show it: it may have been signed again since, or Apple sees more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>It has no signature at all. Every program and library inside is looked at, not just the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign it, innermost first, then the package again: trial macos, or sign, does both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>The signature is another kind's (ad hoc, App Store, development), of a certificate that was not valid then, or of one that Apple did not issue.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign code with Developer ID Application, and packages with Developer ID Installer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Nothing proves when it was signed, so the signature would end with the certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign again with a time stamp (codesign --timestamp); the wizard always asks Apple for one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>The hardened runtime (flag 0x10000) keeps others from putting code into a program.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign again with the hardened runtime on (codesign --options runtime).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>The entitlement lets any program read and change it; it is meant for development.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Build for release, or sign again without this entitlement.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>It was changed after it was signed, or what it is sealed with was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Sign as the last step: nothing may be stripped, thinned, renamed or added afterwards.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Programs built with an SDK before 10.9 cannot be hardened.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Build it again with a newer Xcode, or get a newer version from its maker.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Apple could not look inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Build the package again, and open it on a Mac before it is submitted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Apple makes tickets for signed programs and for signed packages, and found neither in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Look whether the right file was submitted, and sign the programs in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>This follows from its not being signed at all: signing it mends this as well.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Looked at here, this very file shows the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>{archive} is an archive, which no signing reaches: sign what is in it, then pack it anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>{first} (and {count} more)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Looked at here, {same} of {count} show the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>{file} in {archive}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_issues.py"/>
        <source>Read Apple's page on it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_storage.py"/>
        <source>Start again; if it stays so, make a new submission: submit --anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_storage.py"/>
        <source>Set this computer's clock: Amazon allows {minutes} minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>reading the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>submitted already</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Apple would refuse it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>the access to Apple's storage was not kept</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>An interrupted upload can be continued in this run only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>The submission is {id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>first looking at {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>the access to Apple's storage has ended</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Apple's storage dropped it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Mend what is listed, or submit it all the same: --anyway.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_submit.py"/>
        <source>Start again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>Going on in {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>{done} of {total}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>The last failure: {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_upload.py"/>
        <source>Start again: the upload goes on where it stopped, with the same submission.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Start again: without a keyring it begins anew, and Apple drops what was begun.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Most files take 2 to 15 minutes. Some are held for a closer look, of new teams above all.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>It can take Apple some days. Nothing is wrong with the file; signing alone works meanwhile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Ask again later; it cannot be withdrawn, and to submit it again does not help.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>After a day, ask Apple: Development and Technical &gt; Other Development or Technical Questions.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Give the team ID, the submission ID and the time of the upload in UTC.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Write to Apple's Developer Programs Support and name status code 7000.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Contact Us &gt; Development and Technical &gt; Other Development or Technical Questions.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>Give the team ID and the submission ID, and ask for the team to be set up for notarisation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>No .p12 file is named for {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>{file} is of team {team}; the profile says {wanted}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>Give the certificates of that team, or mend the team in the profile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>Run `codesign-wizard profile set macos.team=` to let any team be right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/options.py"/>
        <source>Name the .p12 file that holds your “{kind}” certificate and its key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>it is a xar archive, but no package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>it has more components than any package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>{name} cannot be read: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package.py"/>
        <source>{name} is no description of a component</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>{file} holds symbolic links, which this account may not make on Windows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>{file} holds no program that could be signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>Switch on Windows' Developer Mode, or work on macOS or Linux.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} is not a macOS package: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} has no time stamp: its signature ends with the certificate, and Apple refuses to notarise it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} was signed with a certificate of the kind “{kind}”; packages want Developer ID Installer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's table of contents is what its digest says ({digest}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package was changed after it was made: its table of contents has another digest.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package uses SHA-1, as Apple's own tools still do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>Every file in the package is what its digest says ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>A file in the package does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's RSA signature was made by the key of {signer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's RSA signature does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package has no RSA signature, which older versions of macOS look for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's CMS signature was made by the key of {signer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's CMS signature does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package has no CMS signature: it has no time stamp, and a ticket cannot be stapled to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package's two signatures were made with different certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{signer} is vouched for by {root}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>{signer} is vouched for by {root}, which counts only because it was added in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>macOS will not name {signer} as the package's developer: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The certificate is of the kind that signs packages: {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package was signed with a certificate of the kind “{kind}”, not Developer ID Installer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The payload of {component} is what its bill of materials says ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The payload of {component} does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The Distribution refers to {reference}, which is not in the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package and the programs in it were signed by one team: {team}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The package was signed by team {team}, programs in it by {others}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>A notarisation ticket is stapled to the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>No notarisation ticket is stapled to the package: a Mac asks Apple about it, which takes a network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>Something follows the package that belongs to nothing ({size}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>Build or download the package again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>product archive (.pkg)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>component package (.pkg)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>{identifier} {version}, in {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>Title</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>and {count} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>Installs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>{file} is a macOS package that is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>{file} is a macOS package signed by {signer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>without an identifier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>Ticket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_inspect.py"/>
        <source>stapled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>it was not made by this key over this package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>the certificate's key is not RSA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>there is no bill of materials</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign the package again, with a time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign again with a time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign with the Developer ID Installer certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Build the package again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>it has another number of signers than one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>Sign the package again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} has no digest, so no signature covers it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>the signer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} is not in the bill of materials</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>{name} is not what the bill of materials says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/payload.py"/>
        <source>it is packed in an unknown way</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/payload.py"/>
        <source>it cannot be unpacked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/preflight.py"/>
        <source>disk images are not opened here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Then: codesign-wizard identity assemble FILE.cer FILE.cer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Choose the team at the top right, if there are several: both certificates must be of one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Certificates, + (add), under Software choose Developer ID Installer, Continue.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Choose G2 Sub-CA (Xcode 11.4.1 or later), and the file for the Installer, Continue, Download.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Do the same with Developer ID Application and the other file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Make the signing requests first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Take the .cer made for the request of this profile, or go where its request was made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Make new requests, and create the certificates anew on Apple's site.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Sign in at {page} as the Account Holder: only that role creates Developer ID certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Run `codesign-wizard identity request`.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>On a Mac: open the .cer, and export the identity from Keychain Access as .p12.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Or create the certificate anew on Apple's site with the request of `identity request`.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Run `codesign-wizard identity request --anew`.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requests.py"/>
        <source>Revoke the certificate whose key is lost: an account has five of each kind at most.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirement_language.py"/>
        <source>the requirement is too long</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirement_language.py"/>
        <source>the requirement is not understood at “{rest}”</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement of a kind that is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>something follows a requirement</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirement_language.py"/>
        <source>a requirement is nested too deeply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement asks for something unknown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement compares in a way that is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/requirements.py"/>
        <source>a requirement names a time that does not exist</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sample.py"/>
        <source>The product name cannot be put into the sample package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sample.py"/>
        <source>{version} is not a version of a macOS bundle.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sample.py"/>
        <source>Give up to three numbers with dots between them, such as 1.2.0.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>{file} is nothing that is signed for macOS: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>{target} is there and is no app: it is not replaced by one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>CDHash {hash}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_any.py"/>
        <source>Choose a name that is not there yet, such as Name.app.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{folder} is not an app or another bundle that can be signed: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{path} lies where macOS expects programs, but it is none: it is sealed as a plain file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>The link {path} leads out of the bundle, to {target}, which macOS refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>The link {path} leads to nothing in the bundle ({target}), which macOS refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{target} lies inside the bundle that is to be signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>it is no folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>Signing {path}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>{path} lies where nothing is sealed and macOS allows nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>Move it to Contents/Resources and leave a link in its place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>Take the link away, or put there what it leads to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} is not a macOS program: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} is damaged or cannot be signed: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} has no time stamp, which notarisation asks for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} asks to be debugged (get-task-allow), which Apple usually refuses to notarise.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>{file} was signed without the hardened runtime, which notarisation asks for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>The signature of {file} is larger than the room that was kept for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>it is longer than 255 characters or has control characters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>it is an object file for a linker, which is not signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Build it for release, without this entitlement.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>something is attached behind the program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>it was changed while it was being signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>identifier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>entitlements</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Staple it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>disk images are not handled here; on a Mac: xcrun stapler staple FILE</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>a .zip holds no ticket; staple the app in it, then pack it again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>a program alone holds no ticket; staple the package or the app around it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>its first trailer is of another form</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>its last trailer does not fit it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Stapled {size} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Sign it, and let Apple notarise it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>it is no app: there is no program in Contents/MacOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>a link is in its place</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>it was not there when it was read back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>its table of contents has a digest of another kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>{count} bytes that belong to nothing follow the package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>it became shorter meanwhile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Staple it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple.py"/>
        <source>Sign the package again, and submit it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>Apple has no ticket for {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>Apple's ticket service does not answer as it should: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket is stapled to {file}: a Mac accepts it without a network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The same ticket was stapled to {file} already: nothing was changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>Another ticket was stapled to {file}; it was replaced by Apple's present one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>{file} carries the ticket that Apple gives out for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>No ticket is stapled to {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket stapled to {file} is damaged: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket stapled to {file} is not the one that Apple gives out for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>{file} is not signed: there is no ticket for what is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>{file} has an RSA signature only; Apple's stapler refuses such a package (“CDHash must be set”).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>No ticket can be stapled to {file}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/staple_findings.py"/>
        <source>The ticket cannot be written to {file}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submissions.py"/>
        <source>Wait until it has ended, then ask again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>it is neither .pkg, .app, .zip nor .dmg</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>it is a folder and no app: there is no program in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>Packing {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>Reading {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature is not what its place says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>the signature is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>the signature does not begin like one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>the signature's table does not fit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature is there twice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature lies outside of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/superblob.py"/>
        <source>a part of the signature lies outside of it or in another part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>the ticket in it is empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Asking for the ticket again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>it is no answer of this service</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>it holds no ticket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>No ticket yet, after {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Apple was asked for {seconds} s. Tickets come with “Accepted”, at times some minutes later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Look whether Apple accepted this very file: notary history, notary status ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Accepted just now? Staple again in a quarter of an hour.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>A file that was signed again after it was submitted has to be submitted again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>status {status}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/ticket.py"/>
        <source>Try again later; the file is notarised without a stapled ticket, too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>its folders are nested too deeply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} is no name for a file on Windows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>a file name in it cannot be used</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} changed while it was packed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Both certificates can sign. Whether Apple accepts the API key is not known yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Notarising needs it: Level and API key takes it and asks Apple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>opens</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>The level “sign, notarise and staple” puts Apple's ticket into the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>At the level “sign only” nothing is sent to Apple, and since macOS 10.15 a signature alone is not enough for what was downloaded. The levels with notarisation change that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Signed and verified, with the roots that were added: macOS does not know them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>The certificates cannot sign yet, so this trial will not succeed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Apple certificates says what is wrong with them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>The trial opens the two .p12 files by itself; if they do not open, their page says why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Ready: both certificates can sign.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Both certificates can sign, but the API key is not accepted: nothing will be notarised.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Level and API key says what is wrong with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>is stopped: no ticket is stapled, and Apple cannot be asked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>is stopped: Apple has not notarised it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>opens: Apple has notarised it, and the Mac asks Apple once</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>opens once Apple has notarised it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>With a network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Without a network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>sign only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>sign and notarise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>sign, notarise and staple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>The extra Apple-like root certificates in {file} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>its issuer, {issuer}, is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/upload_body.py"/>
        <source>Wait until nothing writes to the file, then submit it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_any.py"/>
        <source>The signature holds, but only with the roots that were added: macOS does not know them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>The same holds for 1 other.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_bundle.py"/>
        <source>there is no program in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} was changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Link to something in the bundle, and sign again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>The same holds for {count} others.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Take it from where it was signed, or build it again and sign it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Take it away, or move it to Contents/Resources and sign again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/mac_tools.py"/>
        <source>it is not there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_resources.py"/>
        <source>it is too large</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>it is of the old form only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} was added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>{path} is a folder now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/verify_code.py"/>
        <source>Take the app from where it was signed, or sign it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its files are packed in an unknown way</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents has another size than it says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a number in its table of contents is missing or wrong</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a digest in it is of an unknown kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>it is no xar archive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>it is of an unknown version</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents is larger than any package's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its digest is of an unknown kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/payload.py"/>
        <source>it unpacks to far more than a package holds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>two of its files have the same name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>the digest of its table of contents is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its header and its table of contents name different digests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>the digest of its table of contents has the wrong length</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a signature in it lies outside the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents cannot be unpacked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>it has more files than any package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>two of its files overlap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/cpio.py"/>
        <source>a file name in it cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is shorter than it says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is not what its digest says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is larger than any package's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>its table of contents cannot be read: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>a certificate in it cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} cannot be unpacked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xar.py"/>
        <source>{name} is longer than it says</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it declares entities</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xml_tree.py"/>
        <source>it is nested too deeply or has too many elements</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xml_tree.py"/>
        <source>its text is in an unknown encoding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/xml_tree.py"/>
        <source>it is not well-formed XML ({error})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>{file} cannot be unpacked: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>{file} holds no app.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>it is encrypted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bundle.py"/>
        <source>it holds more files than any program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>a file name in it leads elsewhere</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>Pack or download it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} is a device or a pipe</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/zipped_app.py"/>
        <source>it unpacks to far more than an app holds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/tree.py"/>
        <source>{name} is in it twice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate table of {file} is damaged: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The {signature} cannot be read: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The file is the one that was signed ({digest}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The file was changed after it was signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature was made by the key of {signer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>{publisher} is vouched for by {root}, which Windows trusts for code signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>{publisher} is vouched for by {root}, which counts only because it was added in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Windows will not name {publisher} as the publisher: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate of {publisher} vouches only for itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature no longer counts: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate of {issuer} is not in the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate is not meant for code signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The key is smaller than certificates may have today: {key}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The key is {key}, which Windows does not accept for programs from public CAs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature uses {digest}, which Windows no longer accepts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_findings.py"/>
        <source>The certificate is valid until {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate says how its owner was checked: {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The time stamp of {server} says {time} UTC and holds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The time stamp of {server} says {time} UTC; its root counts only because it was added in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>There is no time stamp: the signature ends with the certificate, on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>The time stamp does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The time stamp is of the old kind, which is not judged here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Whether a certificate was revoked was not checked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Windows itself accepts the signature.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Windows on this computer does not accept the signature: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The signature holds, but only with the roots that were added: Windows does not know them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>there are no signed attributes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>there is no message digest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signed content type is another one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the message digest is another one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>not a SignedData</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>a SignedData that is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>more certificates than any signature has</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>more signers than any signature has</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>signature and digest algorithm contradict each other</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signature was not made by this key over these bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signature is for another kind of file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the signature has several signers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>a SignerInfo that is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>a SignerInfo without a signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the key is of a kind that does not sign programs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>more attributes than any signature has</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>the algorithm is not the key's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>the signature cannot be checked: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>{found} parts in place of {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/cms.py"/>
        <source>digest algorithm {oid} is not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>not a time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>too many parts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a tag of several octets</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>longer than what holds it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>something follows the end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>not an object identifier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>an integer without octets</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a time that is not in UTC</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a primitive value has no parts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/detached.py"/>
        <source>a length that is not DER</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>a time with a strange fraction</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>tag {found} in place of {wanted}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/der.py"/>
        <source>not a time: {text}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>the signed file would be larger than 4 GiB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its DOS header is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>it is larger than 4 GiB, which a signature cannot cover</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its PE header lies behind the end of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its optional header is missing or cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its optional header is of an unknown kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its optional header is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>it has no place for a signature (fewer than five data directories)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its section table is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table has a size but no place, or the reverse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table overlaps the headers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table reaches behind the end of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table is not aligned to eight bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>there is data behind its certificate table</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its certificate table is larger than any signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>an entry of the certificate table is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>its PE header overlaps the DOS header or is not aligned</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>a section reaches behind the end of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>the file became shorter while it was read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/pe.py"/>
        <source>an entry of the certificate table says it has {length} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>{file} is not a Windows program: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>{file} changed while it was being signed; nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a DOS program, or was cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is of a kind this tool does not know</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>Unpack it and sign the .exe inside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>Sign it with the tool that made it, or choose the .exe installer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a zip file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a script</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a web page; perhaps the download was an error message</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a text file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a Windows Installer package (.msi) or an old document; this tool signs neither</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a cabinet (.cab), which this tool does not sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a Linux program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a macOS program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a universal macOS program or a Java class</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a macOS package (.pkg)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a 7-Zip archive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a RAR archive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a gzip file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is an xz file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a bzip2 file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a PDF document</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a library or a Debian package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a certificate, request or key in PEM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it looks like a certificate or a key file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is a 16-bit Windows program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is an OS/2 program or an old driver</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/refusals.py"/>
        <source>it is an app package or document in a zip (.msix, .appx, .vsix, .docx)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>Build or download the file again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>The extra root certificates in {file} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>Microsoft does not trust this root for this purpose</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>Name a file that is there, or take it out of the profile: codesign-wizard profile set extra-roots= extra-timestamp-roots=</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>at all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>Microsoft no longer trusts this root for this purpose, {since}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/roots.py"/>
        <source>since {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>{file} has no time stamp: its signature ends with the certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/sign_macho.py"/>
        <source>The {name} cannot be put into a signature: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>A signature cannot be added to {file}: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>it is longer than 1024 characters or has control characters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>it is not an address that begins with http:// or https://, in plain ASCII</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>{milliseconds} ms</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>its certificate table has {count} entries in place of one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>description</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/sign.py"/>
        <source>it is not signed yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>The time-stamp server {server} could not be used: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>The time-stamp server {server} did not answer within {seconds} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>The time-stamp server {server} gave an answer that does not hold: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>None of the {count} time-stamp servers gave a usable time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>{server} is not the address of a time-stamp server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its certificate is not meant for time stamps alone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it does not name its certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is no time-stamp answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is no time-stamp token</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is for other data</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it is for another request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its list of digest algorithms lacks its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_verify.py"/>
        <source>its certificate is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its certificate is not meant for time stamps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it names another certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it answered with HTTP status {status}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>Write it in full, such as http://timestamp.digicert.com.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it uses {digest}, which no longer counts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>There is no time-stamp server in the list.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>its signature is wrong: {problem}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it cannot be read ({error})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>Asking {server}, attempt {attempt} of {attempts}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>Add another time-stamp server, or ask your network people to allow these.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/timestamp.py"/>
        <source>it refused the request (status {code}) {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>{name} is valid only from {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>{name} is signed with {digest}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>it vouches only for itself</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>{name} expired on {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>its issuer, {issuer}, is not in the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>it ends in {root}, which Windows does not know</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>it ends in {root}, which is not Apple's root</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/trust.py"/>
        <source>the key of {name} has only {bits} bits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>{name} is not allowed to issue this certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>{name} has a critical extension that is not understood ({oid})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trust.py"/>
        <source>{name} is not meant for this purpose</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>Windows shows an unknown publisher and SmartScreen warns.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>an entry is of the unknown revision {number}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>signature {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>something stands behind the signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_check.py"/>
        <source>Sign it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>nested signature {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>Take the file from where it was signed, or sign it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>there is no signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the file was changed after it was signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the chain ends in a root that this computer does not trust</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the chain cannot be built</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>a certificate is out of its validity</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the certificate was explicitly distrusted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the certificate is not meant for this purpose</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>a certificate was revoked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the time stamp does not hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the publisher is not trusted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the basic constraints of a certificate were not observed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>the file could not be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/windows.py"/>
        <source>error {code}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>Taken as the application secret.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>Taken as the vault name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>Recognised: {fields}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/clipboard.py"/>
        <source>This is an ID, but it does not say which: paste it into the field it belongs to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/discovery.py"/>
        <source>The name {host} is not known. It may be mistyped, deleted, or in another cloud.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Check the clock and the Azure cloud; if both are right, try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It wins over every role. People cannot make one by hand: a deployment did.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>The vault goes by access policies: a tick is missing. Roles do nothing on such a vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Try again in a few minutes: it is a fault of Azure's that passes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>The vault goes by roles (Azure RBAC). Owner and Contributor do not count. A new role takes up to ten minutes to work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Too many requests came to it within a few seconds, from here or from others.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>not told</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>The server must reach it as well: a hosted server cannot use your private network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It may be mistyped, in another vault, or deleted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Its own words: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It sees this computer as {address}. The server must be let in as well.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It is called {name}. {more}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Find out what made the deny assignment, and have the application left out of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>an address it does not tell</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>It belongs to a deployment stack, a managed application or a blueprint: change that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Key vaults, {vault}, Access control (IAM), Deny assignments.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/inside.py"/>
        <source>Being Owner is not enough for this: it takes Key Vault Certificates Officer on the vault, or its access policy for certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The {field} is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The {field} is still a placeholder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{name} cannot be the name of a vault: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{host} is not the address of a vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{host} is a Managed HSM, not a Key Vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{name} cannot be the name of a certificate in a vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>This is the identifier of a {kind}, not of a certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{value} is not an Application ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>{value} is neither a Tenant ID nor a domain of a tenant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The {field} is all zeros.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Application ID and Tenant ID are the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>This looks like the Secret ID, not the secret's Value.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The application secret has blanks or line ends in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Names are 1 to 127 letters of a to z, digits and hyphens; no blanks, dots or underscores.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>It is the Application (client) ID on the app registration's Overview page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>It is the Directory (tenant) ID on the app registration's Overview page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>only letters of a to z, digits and hyphens are allowed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>it must have 3 to 24 characters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>it must begin with a letter</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>two hyphens may not follow each other</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>it may not end with a hyphen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Give the certificate's name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Vaults end in {suffix}: is {wanted} meant?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Give the vault's name alone, or its address, which ends in {suffix}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>This looks like a domain, which can stand for the tenant only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>An application signs in to one tenant; this word stands for all of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Put your own value in its place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The portal shows both on the application's Overview page, below each other.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>A certificate's key and secret bear its name: this one's may be {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>The portal shows both side by side; the Value is shown only when the secret is made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>It holds keys but no certificates. Use a Key Vault of the Premium tier.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Signed in as the administrator {account}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The Azure CLI (az) is not installed here, or not on the path.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The Azure CLI is not signed in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The Azure CLI gave no token.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>No browser could be opened for the administrator's sign-in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Nobody completed the administrator's sign-in in time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's sign-in was declined or cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>A Conditional Access policy blocks this way of signing in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's account needs a second factor for this tenant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The account that signed in does not belong to the tenant {tenant}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The tenant does not let this account use the tool that signs in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>There is no tenant {tenant} in {cloud}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator signed in to the tenant {given}, but the vault belongs to {tenant}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Entra ID cannot serve the administrator's sign-in at the moment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's sign-in has ended: sign in again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's sign-in was refused: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's account sees no vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The administrator's account {account} may not do this: {action}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure Resource Manager does not accept the administrator's token.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure Resource Manager is busy or unavailable (HTTP {status}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure Resource Manager refused: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Not everything about the vault's grants could be read: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The account {account} may not grant this: {action} is refused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>A lock on the vault, its resource group or its subscription forbids the change.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>A policy of the organisation (Azure Policy) forbids the change.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The tenant has no service principal with the object ID {object_id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Azure's limit is reached: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The role {role} excludes what is to be granted: {actions}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Granted: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Was granted already: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The grant works, {seconds} s after it was made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The vault knows the grant now, {seconds} s after waiting began.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The grant is made, but the vault does not know it yet after {minutes} min.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Interrupted while waiting. What is granted stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Interrupted while granting. What was granted by then stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>that signed in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/staple.py"/>
        <source>Nothing was changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again with an administrator's account of the vault's tenant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in another way (browser, device code, az), or hand the commands to an administrator.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in through the browser or with a device code, or install the Azure CLI.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Hand the commands to an Owner or User Access Administrator of the vault, or sign in as one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Another way often passes: the browser on a managed computer, or az there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Key vaults, the vault, Access control (IAM), Role assignments: who is Owner.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again, and choose an administrator's account of the tenant {tenant}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>The token is of another tenant than the subscription.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again; a code is good for about fifteen minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Check the Tenant ID and the Azure cloud.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in again, and choose Continue.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Have the lock removed for the change (Locks, on the resource's page).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Compare the object ID under Enterprise applications; try again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>The vault let it through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>The vault refused it: it has to be granted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>Other answers speak for it; nobody has tried it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/ahead.py"/>
        <source>Trying it would change something, so it is not tried.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/arm.py"/>
        <source>its list does not end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/arm.py"/>
        <source>it names an address that is none of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/arm.py"/>
        <source>what it gives is no list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/catalogue.py"/>
        <source>Enough to sign a client</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/catalogue.py"/>
        <source>Enough for the certificate's whole life</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/catalogue.py"/>
        <source>All that the server's documentation asks for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>The vault refused to read the certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>A test signature was made, and is good.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>The vault refused the test signature with the certificate's key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>It refused none of {all} requests for lack of a permission, and let {count} through for certain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>{reason} That is on {name} alone, not on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>No role that the application holds on this vault, or above it, has it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Not ticked itself, but Manage Certificate Authorities is, which probably includes it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>No access policy ticks it for the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>A role is held whose definition could not be read: {role}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role assignments could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Ticked in an access policy of another tenant, {tenant}: it hardly counts here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Not ticked for the application itself; which groups it is in could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} grants it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Ticked in the application's access policy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>Ticked in the access policy of the group {id}, which the application is in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} grants it, through the group {group}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} holds it only under a condition, which is not judged here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The role {role} holds it; whether something denies it could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>It is left as it is, and not assigned: it would not be enough.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>For whoever may: the commands of what is not granted yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>what it gives is no document of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Nothing needs to be granted again. Check again later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Grant the documented roles in place of it, or take the exclusion out of the role.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Check again in a few minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/grant.py"/>
        <source>Subscriptions, Access control (IAM), Roles: {role}, Edit.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>groups of the application</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>role assignments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>deny assignments</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>1 subscription was looked through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>{count} subscriptions were looked through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Sign in with an account that has at least the role Reader on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/management.py"/>
        <source>role definition {id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>The vault has no request that would tell this and certainly change nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>{reason} Whether something denies it could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>{reason} Whether the vault knows of this grant yet was not seen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/matrix.py"/>
        <source>The vault refuses it for other names. {name} itself was not asked about: that could change it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_beside.py"/>
        <source>A role that was taken away, or a new denial, takes the vault some minutes to learn of.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_beside.py"/>
        <source>{role} on {scope}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_beside.py"/>
        <source>{role}, which opens secrets, too</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Nothing that is asked for is missing on the vault {vault}, as far as can be tested.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application may sign, but lacks {count} of the permissions asked for on the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application has no role on the vault {vault} that counts for keys and certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's roles manage the vault {vault}, but do not open what is in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's role is for {name} alone, not for the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's role is on the vault {other}, not on the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} does not yet know of a grant that is there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>A deny assignment forbids the application {action} on the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application's role on the vault {vault} has a condition that is not met.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application has an access policy, but the vault {vault} goes by roles.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application has roles, but the vault {vault} goes by access policies.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>No access policy of the vault {vault} counts for the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The access policy of the vault {vault} lacks the cryptographic operations, so nothing can be signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The access policy names {id}, which is {what}: the vault sees the application as {object_id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The role {role} on the vault {vault} is for {id}, which is {what}, not for {object_id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The access policy counts only for a person who uses the application {id}, not for the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The application may do more in the vault {vault} than is asked for: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Two answers contradict each other about {action}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} saw {seen} as the caller, not {expected}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} did not tell whether it goes by roles or by access policies.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>The vault {vault} gave answers that do not tell whether a permission is there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>To see which grants exist, look with an administrator's sign-in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Wait up to ten minutes, and check again; nothing needs to be granted again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>Sign in as administrator on the page Permissions, or in a terminal (--as az and --as device-code work, too): `codesign-wizard permissions show --as browser`</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>A grant through a group, or on a management group, can take an hour and more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_findings.py"/>
        <source>A token that was fetched before does not matter here: every check signs in anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It goes by access policies: roles do nothing on it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>An entry counts for the object ID {object_id} only, and not for the Application ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It has access policies for other principals: {ids}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>The application's own entry ticks nothing for keys and certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>Or one was given some minutes ago, and the vault does not know of it yet. The vault goes by roles: access policies do nothing on it, and Owner or Contributor do not open it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It holds: {roles}. That opens neither keys nor certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>Its own rights, as Azure Resource Manager lists them, manage the vault only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>The vault's access policies do nothing: it goes by roles.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>The role is held on: {scope}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It holds {role} on {scope}, to which the vault does not belong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>It holds: {roles}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>In the portal the right one stands under Enterprise applications, not App registrations.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>the application (client) ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>the object ID of the app registration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_principal.py"/>
        <source>The field Application (optional) of the access policy must be left empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Azure role-based access control</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Vault access policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>{names} and {count} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Only on a vault that nothing else uses: who was granted by the other model is locked out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Or change the vault's permission model to {model}: that takes all others' grants away.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_words.py"/>
        <source>Key vaults, {vault}, Access configuration, Permission model: {model}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>It ticks nothing for keys, as after choosing the template Certificate Management.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>What is ticked there counts for nothing, and nothing more needs to be ticked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Since when the application is in the group is not told.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Everything else is there, as after choosing the template Key, Secret &amp; Certificate Management.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Nothing else is missing, as far as it can be tested; it is as after choosing the template Key, Secret &amp; Certificate Management.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>The documentation's ticks for an access policy do not ask for them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>It is enough to sign with it. A certificate under another name could not be requested.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>The server's documentation asks for the roles on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>What is missing belongs to the role {roles}: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Not ticked in the access policy: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Azure Resource Manager lists data actions on it among the application's own rights.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>It was assigned {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>The role itself was changed {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{count} cannot be tested from here without changing something.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{count} could not be tested this time, or cannot be from here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{action} is refused. The condition: {condition}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixup_nothing.py"/>
        <source>Roles that do nothing here: {roles}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Assign the role without a condition, or with one that the server meets.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>{count} of them are likely there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>So say the grants; the vault itself could not be asked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>In the line of the application, column Condition: View/Edit.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/mixups.py"/>
        <source>Key vaults, {vault}, Access control (IAM), Role assignments.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>Azure Resource Manager lists it among the application's own rights on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>Azure Resource Manager does not list it among the application's own rights on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>The application's own rights hold it under a condition only, which is not judged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/own_rights.py"/>
        <source>could not be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>The deny assignment {name} forbids it, whatever roles are held.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/evaluate.py"/>
        <source>A role holds it, but the deny assignment {name} may forbid it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>All of it is granted; what the vault still refuses, it may not know yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>keys: {keys}; certificates: {certificates}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>service principal {object_id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>On this vault only, and on nothing else of the subscription.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>the role is not held here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>nobody yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>no such role</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>a role that can be assigned in this subscription</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>To</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>On</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Then</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>service principal {object_id} (application {application})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Give the role {role} on the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>the role {role} on the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Make the role {role} with data actions ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Tick 1 permission in the access policy of the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>Tick {count} permissions in the access policy of the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/plan.py"/>
        <source>The deny assignment {name} may stand against it; no grant overrides that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault refused it for lack of this permission.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault let the request through, and refused it for the state of the key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault looked at the content of the request, so it probably let it through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault's network rules refused; permissions were not looked at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault did not accept the token; permissions were not looked at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault had no time for the question: too many requests.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The service behind the vault has a fault: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The answer does not tell: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/conclusion.py"/>
        <source>The vault carried the request out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault answered that there is no such name, so it had let the request through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>No answer came: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>Not asked any more: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>The vault answered that there is no such name; it probably let the request through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probe_answers.py"/>
        <source>A deny assignment forbids it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probing.py"/>
        <source>Asking the vault about each permission</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Review + create.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>As documented: tick the {count} permissions in the vault's access policy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Least privilege ({purpose}): tick permissions in the vault's access policy ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Review + assign, twice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Wait up to ten minutes, and check again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>az and PowerShell set these ticks in place of those that are there now: Delete, Purge and the like would go. The portal leaves them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Subscriptions, {subscription}, Access control (IAM), Add, Add custom role.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Name: {role}. Baseline: Start from scratch. Tab JSON, Edit: replace dataActions; Save.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>dataActions: {actions}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>{group}: {labels}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>No command for this: it would take the ticks away that cannot be seen from here. With an administrator's sign-in there is one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>What is ticked already stays as it is. A template does not tick cryptographic operations.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Review + create, Create (or Save).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Key vaults, {vault}, Access control (IAM), Add, Add role assignment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Role: search for {role}, choose it, Next.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Members: User, group, or service principal; Select members: search for the application by its name (Application ID {application}), Select.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>The same again with the role {role}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>As documented: give the application {roles} on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>In the commands replace {placeholder} by the ID of the vault's subscription.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Least privilege ({purpose}): a role of your own with data actions ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Key vaults, {vault}, Access policies: choose the application and Edit, or Create.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/remedies.py"/>
        <source>Principal: search for {application}. Application (optional): leave it empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Granted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Likely granted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Not testable from here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>Nothing is missing as far as can be tested.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may do all that is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may sign, and nothing is missing as far as can be tested.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may sign, but not do all that is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>The application may not do all that is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>The application secret ends on {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>The application secret ended on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>When the application secret ends could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>The registration has no secret.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Secret ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Ends</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Make the next secret, and put its value in here and at the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Look it up, and type it in on Summary.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>None of the registration's secrets tells it; it has {n}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Microsoft Entra ID, App registrations, the application, Certificates &amp; secrets.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>New client secret; copy its Value at once, it is shown only then.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>App registrations, the application, Certificates &amp; secrets: the column Expires.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>The secret begins as one of the application {name} ({other}) does, and as none of {application}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>None of the secrets of the application {application} begins as the one given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>A secret of the application {application} begins as the one given: that is cut short or mistyped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>{given} is an object ID of the application {name}; its Application ID is {application}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>It has none.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/sign_in_seen.py"/>
        <source>It has {n}; the Value of one is shown only when it is made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/proof.py"/>
        <source>The signature was thrown away; the vault's audit log holds the request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Microsoft Entra ID, App registrations, New registration: any name; the other settings stay as they are.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Its Overview shows Application (client) ID and Directory (tenant) ID: copy both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Certificates &amp; secrets, Client secrets, New client secret: copy its Value now; it is not shown again. Secret ID is not what is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>The vault, Access control (IAM), Add, Add role assignment: Key Vault Certificates Officer, and again Key Vault Crypto Officer; Members: search for the application by its name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>A grant takes up to ten minutes to work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>An administrator of the Azure subscription does this once; about 10 minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>Key vaults, Create: a resource group, the name {vault}, pricing tier Premium (only it keeps keys in an HSM). Access configuration: Azure role-based access control.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>The certificate itself ({certificate}) is made later, with the signing request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/setup_script.py"/>
        <source>&lt;your vault's name&gt;</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>it is of an unknown kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>its curve is {curve}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>Another certificate may have been merged into the key's place.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>Make a new signing request in the vault, and merge the answer to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signature.py"/>
        <source>Sign with {digest}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probing.py"/>
        <source>The vault throttles; trying again in {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/probing.py"/>
        <source>The vault cannot check the token; trying again in {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>{certificate} in the vault {vault}, version {version}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>what it calls the key of the certificate is none of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>what it gave is no X.509 certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin.py"/>
        <source>an object ID that the token does not tell</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Signed in: the vault sees the application as {object_id}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application secret is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The Secret ID was given in place of the secret's Value.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The tenant has no application with the Application ID {application}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application {application} is disabled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application {application} has no service principal in the tenant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>There is no tenant {tenant}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault {vault} belongs to another tenant than the one given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The tenant {tenant} does not know Key Vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Something that signing in needs was empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Entra ID cannot serve the sign-in at the moment (HTTP {status}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Entra ID refused the sign-in: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Make a new secret, and give its Value here and in the server's form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Copy the Application (client) ID from the registration's Overview page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Enable the enterprise application for sign-in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Make the service principal.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Copy the Directory (tenant) ID, and check the Azure cloud.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Ask the tenant's administrator to exclude the application, or to allow its addresses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault belongs to the tenant {tenant}: most probably that is the one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Certificates &amp; secrets, Client secrets, New client secret.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Copy the column Value at once: it is never shown again. Secret ID is not what is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, App registrations, All applications: choose the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Overview: copy Application (client) ID. Object ID is not what is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Compare Directory (tenant) ID with the Tenant ID given here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, Enterprise applications, All applications: choose the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Properties: set Enabled for users to sign-in to Yes, and save.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, App registrations: choose the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Overview: choose Create Service Principal beside Managed application in local directory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, Overview: copy Tenant ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>A tenant of Azure US Government or Azure China is found only in its own cloud.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Microsoft Entra ID, Sign-in logs, Service principal sign-ins: find the failed one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Its tab Conditional Access names the policy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Conditional Access: exclude the workload identity, or add the address as a location.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The Value is in the column beside it, and is shown only when the secret is made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>It may have been replaced, cut short in copying, or be another application's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>An Object ID was often taken: the registration's, or the enterprise application's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>az ad app create makes the registration only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The server signs in from its own address, so it may be let in where this is not.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault's tenant is {vault}; the one given is {given}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Check the Azure cloud: {cloud} is chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Use an application of the vault's tenant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Or check that the vault's name is the one that is meant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The vault's address ends in {suffix}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Try again in a few minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/admin_findings.py"/>
        <source>Read what Microsoft says about this number.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>App registrations, All applications: if the application is there, only the Tenant ID was another's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Else New registration; then Certificates &amp; secrets, New client secret.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Its Application ID, its secret's Value and this Tenant ID go here and to the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>Fill in all five options.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The gear at the top, Directories + subscriptions: switch to {tenant}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} exists; its tenant is {tenant}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>There is no vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The firewall of the vault {vault} does not let this computer in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} can be reached through a private endpoint only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} refuses for the moment: too many requests.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} is unavailable (HTTP {status}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>What answers at {host} does not speak as a vault does (HTTP {status}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} does not accept Entra ID's token.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The application lacks the permission {action} on the vault {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} has no certificate {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name} is still a signing request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The name {name} is in the vault, but without a certificate, and no signing request waits for one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name}, or its key, is disabled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name} has expired.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The certificate {name} is not valid yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The key of the certificate {name} may not be used to sign.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault {vault} refused: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The key of the certificate {name} cannot sign programs: {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The vault signs with the key of {name}, and the signature is good.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The signature that the vault made does not fit the certificate {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>The key of {name} signs {possible} digests only, not {digest}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Let this computer and the Comet Server in. In the commands, put their public addresses in place of ADDRESS and SERVER-ADDRESS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Let this computer and the Comet Server in. In the commands, put the server's public address in place of SERVER-ADDRESS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Allow public access from selected networks, and add this computer and the Comet Server. In the commands, put their public addresses in place of ADDRESS and SERVER-ADDRESS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Or run the wizard and the server inside the network of the private endpoint.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Copy the vault's name from the portal, and check the Azure cloud.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Make a new signing request under the same name: csr create, or the page Certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Make a new signing request in the vault, and have the CA issue a certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Add on a line of its own the public address from which the Comet Server calls; Apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Allow public access from specific virtual networks and IP addresses; add the public addresses of this computer and of the Comet Server, each on a line of its own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults: the list shows every vault you may see, in all subscriptions chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>A deleted vault is under Manage deleted vaults, and can be recovered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Copy the certificate's name from the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>A deleted one is under Manage deleted certificates, and can be recovered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Enable the certificate's version.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Merge the CA's certificate into the request, once the CA has sent it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Merge Signed Request: choose the CA's file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Networking, Firewalls and virtual networks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Under Firewall, IP address or CIDR, add {address}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Networking.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Overview, Vault URI: it ends in {suffix} if the cloud is right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Certificates: the first column is the name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Ask your network people whether a proxy or a gateway answers for {host}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>this computer's public address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Whether it can sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>It is enabled and within its time, and its key may sign.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Its key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>RSA of at least 3072 bits, made in the vault's hardware, which it never leaves.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>What it is for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Code signing, with a complete chain to its CA, and not revoked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>How long it lasts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>A certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Use it, or ask for its next version while it keeps signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>A request that waits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Give the CA's answer in: it is checked, then merged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Nothing of this name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Write a signing request, or give another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/ahead.py"/>
        <source>Until when it is valid; {n} days before its end it is time to renew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Nothing was given: choose the files that the CA sent, or paste its text.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is far too large to be a certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is a web page, not a certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is a .pfx file, locked by a password: the vault needs the certificate alone, without a key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is the signing request itself, not the CA's answer to it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} holds a private key! It was not used and is forgotten here: find out who made it, and delete it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{file} is an archive locked by a password: unpack it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_findings.py"/>
        <source>{file} is damaged: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>There is no certificate in {file}: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Only certificates of the CA itself are here ({names}), not the one for your request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} answers another request of this vault: {request}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} was made for another key than the one that waits in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>No request in the vault waits for the certificate of {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is for web servers ({purposes}), not for code signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is not for code signing, but for {purposes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} may not be used for digital signatures.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is a CA's, which may not sign programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The key of {name} is too small: {key}, and code signing needs 3072 bits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The key of {name} is {key}, which Windows does not accept for programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is signed with {digest}, which Windows no longer accepts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} vouches only for itself: no CA has signed it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>{count} certificates fit the request; the one of {date} is taken.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The chain is whole: {count} certificates up to {root}, which Windows trusts for code signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The chain of {count} ends in {root}, which counts only because it was added in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of the issuer {issuer} is missing and could not be fetched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Windows will not trust programs signed with it: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name}, from {issuer}, fits the request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Do not use that key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Download the certificate again from the CA, with its chain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Send the CA the request that waits in the vault, and ask it to issue again for that. CAs call it a reissue or rekey; it costs nothing as a rule.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Order a code-signing certificate, and have the CA issue it for this request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Drop the request, and make one with an RSA key of 4096 bits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Download the CA's intermediate certificate, and give both files together.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Ask the CA for a code-signing certificate under a root that Windows trusts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>If the CA sent it, the CA knows the key: have that certificate revoked and issued anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>If you made it yourself, delete the file; the vault's key is another.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Ask the CA for the certificate as .cer, .crt, .pem or .p7b.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Send it to the CA, and give here what the CA sends back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Sign in at the CA with a browser, and download the certificate there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Choose the certificate {name}, and merge the answer there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>it is a private key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>If the CA made the key, the certificate cannot be used with the vault's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>Then have it issued again for the request of the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>it is a revocation list</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Valid from</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Root</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>Its key is {key}; it is for {purposes}, from {issuer}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>a certificate in it is damaged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Signing a test text with it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Reading what the vault holds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Making the key and the request in the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Recovering the certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Comparing with the request in the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Judging the certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The vault makes the key and the request. You see what is made before it is.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The answer fits the request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>This answer cannot be merged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Nothing was changed in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>There is no certificate to sign with under this name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate can sign programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>made in the vault's hardware, never leaves it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>kept in software</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>It keeps signing until then, also while the CA works.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Nobody has looked yet at what the vault holds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>A few seconds, and nothing changes there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Something changed since this was looked at. Look again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The vault answers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>What the vault holds could not be seen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Seen {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Correct what is wrong in the form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The request cannot be made like this.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The request can be made like this.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>A request for the next version: the present one keeps signing until you merge the answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Fill in who the certificate is for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>It is not in the vault yet: merging it is the last step.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>It waits in the vault, not here: close the program whenever you like.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made today.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made on {date}, {n} days ago.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>code signing, digital signatures</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>Certificate of</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Goes there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Renew it: what was signed with a time stamp stays valid.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate can sign programs until {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate cannot be used to sign now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Make a signing request, give it to a CA, and bring its answer back here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made on {date}, 1 day ago.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Stays out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Time to renew: the certificate is valid until {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>What is shown below is of {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Made on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{key}, {kept}, not exportable, not used again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{begin} to {end}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The vault {vault} holds no certificate {name} yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{name}: a new version; the present one keeps signing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>{name}: new</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Nothing was made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>an archive within archives</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>signs stand in it that do not belong there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>a PKCS #7 file without a certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>it holds too many files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/code_directory.py"/>
        <source>it is cut short</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/forms.py"/>
        <source>it is no certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>A signing request waits for the CA's answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>A key without a certificate has the name {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The name {name} is free.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The vault holds the certificate {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The certificate {name} works, and a request for its next version waits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/held.py"/>
        <source>The certificate {name} is deleted, and can be recovered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>extended validation (EV)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>organisation or individual validation (OV, IV)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>the level is not told</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/verify.py"/>
        <source>not stated</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>an unknown time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>nobody was asked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>no purpose that is named</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>Renew it now: a CA takes up to two weeks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge.py"/>
        <source>The reason given: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} can sign programs until {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>What the vault gave as certificate {name} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>This version of {name} is switched off in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} is switched off in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key lives in hardware: {level}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} is kept in software: CAs must revoke such a certificate when they learn of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} can be exported: whoever may read secrets in the vault can take it away.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key cannot leave the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key of {name} may not sign: it is allowed for {operations} only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The policy of {name} keeps the same key at renewal; requests made here always make a new one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It is the newest version: what names the certificate without a version uses it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Version {version} is not the newest: what names the certificate without a version uses another.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The version has tags: {tags}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The key is large enough: {key}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key is smaller than new certificates may have: {key}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The key is {key}, which Windows does not accept for programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} and the key beside it in the vault do not belong together.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate is signed with {digest}, which Windows no longer accepts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>The certificate is meant for code signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} is not meant for code signing, but for {purposes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} may not be used for signatures: its key usage is {usages}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It leads to {root}, which Windows trusts for code signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It leads to {root}, which counts only because it was added in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate of the issuer {issuer} is not known here, so the chain has a gap.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Windows will not name the publisher of what it signs: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} vouches only for itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} is valid only from {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} expires on {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It is valid until {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/authenticode/checks.py"/>
        <source>Certificates are now issued for at most 460 days: plan to renew every year.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>It is valid for {days} days, and certificates issued since March 2026 may be for 460 only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>How its owner was checked: {kind}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The CA says that it is not revoked ({source}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>The certificate {name} was revoked on {since}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Whether it was revoked was not checked: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Switch this version on again, if it was not switched off on purpose.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Make a new signing request under the same name; the old version stays meanwhile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Allow the CA's address in proxy and firewall, or ask the CA for its chain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>Ask the CA why, then make a new signing request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Set Enabled to Yes, and save.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/judge_findings.py"/>
        <source>If the key may be known to others, sign anew what was signed since.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Certificates, {name}: choose the current version.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/preflight.py"/>
        <source>It waits since {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/preflight.py"/>
        <source>It is gone for good on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/preflight.py"/>
        <source>Grant them on the page Permissions, or ask an administrator to.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>1 reminder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>The certificate {name} in the vault {vault} is valid until {time}. Make a new signing request under the same name, send it to the CA, and merge the answer; the old version signs meanwhile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>{n} reminders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>Renew the code-signing certificate {name}: {days} days left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/reminders.py"/>
        <source>The code-signing certificate {name} expires today</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Windows does not accept EC keys for programs: choose RSA.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>A key outside hardware is refused by every public CA.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Key Vault does not take these tags: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>The signing request cannot be read: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>The vault does sign with an EC key, but Windows then shows an unknown publisher.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>For experts: Windows does not accept it for programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>code signing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>TLS servers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>TLS clients</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>e-mail</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>time stamps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>OCSP answers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>anything</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Advised: every CA and every Windows accepts it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>The least that CAs accept; signs a little faster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Signature</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Public key (SHA-256)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>there are {count}, and {most} are allowed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>one is longer than {most} characters</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>does not hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Asks for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Key usage</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>It is good for tests with a CA of your own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/bom.py"/>
        <source>it is damaged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Choose RSA with 4096 bits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>Use a vault of the Premium tier, and a key in its hardware.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request is for {name}, {key}, and its signature holds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request's own signature does not hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The subject in the signing request is not the one that was asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The key in the signing request is {key}, not {wanted}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The key is too small for a code-signing certificate: {key}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request does not ask for code signing, but for {purposes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The signing request does not ask for digital signatures.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Drop this request, and make a new one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>The portal's own proposal is for web servers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Difference: {difference}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Ask the CA whether it goes by the order; if not, drop it and write it anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request_check.py"/>
        <source>Drop this request, and make one with an RSA key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>it does not say where to ask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the answer is about another certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder does not know the certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>its signature does not hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list is not the issuer's, or its signature does not hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>it is from the future; the clock may be wrong</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the answer cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder's certificate is not for OCSP</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder's certificate is out of its validity</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list holds changes only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder was not appointed by the issuer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>HTTP status {status}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list is about other certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the list has a critical extension that is not understood</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>it is out of date since {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/revocation.py"/>
        <source>the responder says {status}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The name {name} is free in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault has a certificate {name}: this makes its next version, and the present one keeps signing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>A request for {name} waits in the vault already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>A deleted certificate still owns the name {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>A key or secret in the vault has the name {name} already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault {vault} is of the Standard tier, which has no hardware keys.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault {vault} makes keys in hardware.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Whether the vault {vault} is of the Premium tier cannot be seen without an administrator.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The application lacks permissions for this: {permissions}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault does not understand the subject.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>No request for {name} waits in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The request for {name} no longer waits for an answer: {status}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Somebody else is working on {name} in the vault at this moment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The request for {name} goes to {issuer} by itself: there is nothing to merge.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault says that the certificate does not belong to the key of {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The vault cannot read the certificates that it was given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The versions of {name} cannot be listed: the permission certificates list is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>How the key of {name} is kept cannot be seen: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>the vault does not say why</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Choose another name for the certificate, here and in the server's form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>its CA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Go on with it: save it again, send it to the CA, and merge the answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Make the vault Premium, or make another vault of the Premium tier.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>For tests only: a key in software, which every public CA refuses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/explain.py"/>
        <source>Try again in a minute.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Leave out quotes, backslashes and rare signs, and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Or drop it and begin anew; an answer to it that still comes is then of no use.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Delete.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Or recover the deleted one, and make its next version.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Key vaults, Create: choose the pricing tier Premium.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>The tier of a vault that exists is changed by a command only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/vault_findings.py"/>
        <source>Key vaults, {vault}, Certificates, {name}, Certificate Operation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Key vaults, {vault}, Certificates, Manage deleted certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/service_findings.py"/>
        <source>Choose {name}, Recover.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Common name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>For code signing the organisation's name again; Windows shows it as the publisher.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Organisation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>The registered name, letter by letter as in the trade register, with its legal form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Unit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Best left empty: most CAs no longer take it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Street</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Street and number of the registered office; only if the CA asks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Town</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>The town of the registered office.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>State or province</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Written out, not abbreviated.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Postal code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Only if the CA asks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Country</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>The two letters of ISO 3166: GB, not UK.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>E-mail</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Best left empty: it would stand in every signed file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Registration number</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: the number in the trade register.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Business category</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: Private Organization, Government Entity, Business Entity or Non-Commercial Entity.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Town of registration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: only where registers are kept by towns.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>State of registration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: only where registers are kept by states.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>Country of registration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>With extended validation: the country of the trade register, two letters.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>it is too long</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>something follows the closing double quote</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>a double quote is not closed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>{name} is not an attribute that is known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>no attribute such as CN= stands at “{text}”</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject.py"/>
        <source>the value at “{text}” needs double quotes around it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The subject is empty: give at least the common name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The subject lacks what CAs ask for: {fields}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} has {length} characters; {maximum} are allowed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{value} is not a country code.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} holds a character that is not allowed there: {character}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} says nothing: leave it empty instead of “{value}”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{value} is no e-mail address.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The state {value} is abbreviated: CAs want it written out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{value} is none of the four business categories.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} stands in the subject more than once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>{field} holds {character}, which services read differently: compare the finished request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>CAs do not ask for the attribute {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>Germany is DE, New Zealand NZ.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>Is {code} meant?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>The CA may fill it in from the order, or send the request back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/subject_checks.py"/>
        <source>Ask the CA how it abbreviates the name, and write it so.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/vault.py"/>
        <source>Looking whether the vault has merged it all the same</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>The certificate of the issuer {issuer} could not be had: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>the chain has no end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>it does not say where to fetch it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>{address} has another certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>{address} answers with HTTP status {status}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/chain.py"/>
        <source>Allow the CA's address in proxy and firewall; it is plain http, and signed itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>there is a blank or a line's end in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it must begin with https://</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it has a login in it; give that separately</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it names no host</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>it cannot be read</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>its host name cannot be used</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>If there is none, and only you use this network, allow it: --plain-http.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>Copy it from the browser's address bar, such as https://backup.example.com.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>Give the address that opens the server's web page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>without a word</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>Give the address that opens the Comet Server's own web page, with its port.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>Look at what the server says; its log may tell more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/answers.py"/>
        <source>If that is the server, give its address itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Somebody else changed the server's settings meanwhile; nothing was changed from here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The server has the new settings ({count}), and they were read back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The server did not take over: {keys}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Settings that were not touched look different after saving: {keys}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The certificate files that the server had before could not be kept: Undo would not bring them back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The server has its old settings back ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>There is no change of this server that could be undone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>The old values of {keys} are not here any more, so the change cannot be undone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>a secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Changed: {keys}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>changed since they were shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Look at the differences again, then apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>server show tells what the server has now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Type the old value into the server's own form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Look at these settings in the server's own form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/apply.py"/>
        <source>Compare them with what they should be, in the server's own form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to tell its version</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to tell what the account may do</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to show its branding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to list its clients</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to list its logs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to save the branding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to build this client</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>A one-time code works once and for half a minute: take a fresh one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>the end of the session</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to give back a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>to show its log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>the file {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>there is no branding in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>ahead of</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>no session key was given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>no file's hash was given</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>no JSON object came</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Let the server and this computer set their clocks from the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Give the code that your authenticator shows now: each one works once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Give the name with which you sign in to the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Check that the address is the Comet Server's own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>Sign in again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>it is neither a zip, a Windows program, nor a macOS package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>a file in the zip is locked with a password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>it unpacks to more than any installer has</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>the zip has more than {n} files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/delivered.py"/>
        <source>the zip is damaged: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/desk.py"/>
        <source>the administrator</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/desk.py"/>
        <source>doctor windows says what to mend; then compare again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/desk.py"/>
        <source>Give the administrator's password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>it is no JSON object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/entitlements.py"/>
        <source>it is nested too deeply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>something follows it at character {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>a name is missing at character {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>a colon is missing at character {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>a comma too many at character {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/document.py"/>
        <source>it breaks off at character {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server's address is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{address} is not the address of a server: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} would be spoken to without encryption: password and secrets could be read on the way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} is spoken to without encryption: password and secrets can be read on the way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The administrator's user name is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The password of {user} is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server refuses the sign-in of {user}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Signed in to {host} as {user}, version {version}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The session on {host} has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The session on {host} could not be ended: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} does not answer like a Comet Server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{host} leads elsewhere: to {target}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server refuses {what}: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server's clock is {offset} {direction} this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{user} may not see or change the server's branding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{user} is an administrator of a tenant, not of the whole server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server builds no clients: its Software Build role is off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>{user} may not build clients on this server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server gives out the vendor's pre-built client: the signing settings have no effect.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server is too old for {what}: it has {version}, and {needed} is needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server's settings cannot be read: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server has what the profile holds.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server has what the profile holds, as far as it can be seen: {count} cannot be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Not as in the profile: {count} of the server's settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The profile holds nothing yet that could be given to the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The profile lacks {what} for the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The files go into {fields}, which is the likely field: look at it on the server once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>With the Azure options that the server would be given, the vault does not sign from here: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Check user name and password on the server's own web page; then give them again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Switch the role on. A hosted server has it; on a server of your own it is a setting.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Open the server's address in a browser and sign in as the administrator.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>With two-factor authentication, wait for a fresh code: each works once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>On the server: Settings, Admin accounts, the account.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Untick Prevent editing server settings, or tick Allow editing branding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>On the server: Settings, Roles and permissions, Software Build.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Tick Enable Software Build role, and save; the server restarts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>Let a top-level administrator allow {user} to edit the branding, or sign in as one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted before it was saved: the server is as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted after it was saved: the server has all the new values.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted, and whether the server has the new secret cannot be seen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier change was interrupted, and the server now has neither the old nor the new values.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier undo was interrupted before it was saved: the server has the new values.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>An earlier undo was interrupted after it was saved: the server has its old settings back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/interrupted.py"/>
        <source>Compare the settings again (server diff), and apply what is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/journal.py"/>
        <source>What is about to be changed cannot be written down: {why}. Nothing was changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>not known to the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>uploaded Apple certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>set</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>set, kept under the server's own format</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>different</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>cannot be compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>an uploaded file ({start}…)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Fill in the Key Vault options or the Apple files first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Sign in as a top-level administrator to see the server's log and all settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Let the server make custom builds: server apply --only build-mode.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Save one file in the server's own form, and see here which field it fills; --file-fields file or name chooses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Let a top-level administrator take this restriction off the account.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>On the server: Settings, Branding, Client branding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Choose custom branding in place of the pre-built client.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Upgrade the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>The server builds {platform}, {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>there is no installer in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>It offers: {platforms}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>nothing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>Choose one of them with --platform NUMBER.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>Choose a client for Windows or macOS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_explain.py"/>
        <source>The profile's options sign from here: give them to the server (server apply --only azure).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server offers no client of this kind: {wanted}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>{platform} is for a system whose clients are not signed: there is nothing to prove.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server refused to build the client for {platform}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>What the server delivered for {platform} is no installer: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server delivered its loader with a data file, signed by {publisher}: not your signed installer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The download for {platform} holds {count} programs where one signed installer belongs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Beside the signed installer the download holds: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed, but not by you: by {publisher}, not {expected}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed by another certificate of {publisher} than the present one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed by your certificate: {publisher}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} is signed by {publisher}; whether that is you could not be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The client for {platform} has no time stamp: its signature ends with the certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The package for {platform} carries no ticket, though the server is to staple one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Whether Apple has notarised the package for {platform} could not be seen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Apple has notarised the package for {platform}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Apple has not notarised the package for {platform}, though the server is to have that done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The package for {platform} is signed only: macOS 10.15 and later refuse it without notarisation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server's log around the build, as far as it is about signing ({count}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server's log says nothing about signing around the build.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The server's log may not be read by this account.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The same vault and certificate sign from here: the fault is on the server's side.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>From here the vault does not sign either: {why}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not signed by you</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>no time stamp</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>no ticket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not notarised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>no installer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>signed only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>not in order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Compare the server's settings with the profile (server diff), and apply what differs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Then prove again; an installer built before may have been kept by the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>Read what the server's log says about signing, mend it, and prove again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>On the server: Logs; look for the time of the build.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_judge.py"/>
        <source>Choose notarising, or notarising and stapling, as the level, and apply it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Windows code signing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Azure Key Vault name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Certificate name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>macOS code signing level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Sign on this server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Password of both certificate files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>API Issuer ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>API Key ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>API Key file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>custom builds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the vendor's pre-built client</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Azure options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Developer ID Installer file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Developer ID Application file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Issuer ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the Key ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>the key itself (.p8)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>automatic (older servers)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>disabled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>PKCS#12 file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>PKCS#11 token</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>Azure Key Vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>SAS Relic server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Sign only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Sign and notarise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Sign, notarise and staple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Fill it in, or apply the other parts alone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Give the file again in the profile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>What was asked of the server last did not work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Something stands in the way of signing on this server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The server has what this profile holds. Whether it signs is not proved yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>the same</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Takes minutes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: 1 setting was changed, read back and compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Looking changes nothing. What would be changed is shown first, and can be undone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Signing in to the server did not work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The server could not be looked at.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The last change of the server's settings did not work as it should.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Not proved: something is wrong with the server's clients.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Proved: the server signs its clients as you.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The server has what this profile holds, as far as it can be compared. Whether it signs is not proved yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>as this computer's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Takes minutes; stapling for macOS can take a quarter of an hour.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>yes, and the ticket is stapled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>yes, Apple has the ticket; none is stapled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>no ticket was seen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/address.py"/>
        <source>Use the address that begins with https://.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>If there is none, and only you use this network, tick “Use it without encryption” below.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Type the password below.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Look at the differences below, and apply what is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Tick the part with the secret below and apply it again, or prove it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Tick “Build mode” below, and apply it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Key Vault, the step, says what to mend; then look again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: {n} settings were changed, read back and compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: 1 setting was changed; what the server has of it cannot be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Nobody has signed in to the server yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The certificate was renewed since the server's clients were judged. Prove it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Something changed since the server was looked at. Look again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Looked at {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>This may be wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>One of the server's settings is not as in this profile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Apply gives the server this profile's values.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Sign in to apply them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Let it build its own clients to prove it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Sign in to prove it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Signed in as</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Clock</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Builds clients</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Looked at</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{n} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Windows: the Azure Key Vault options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>macOS: the level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>macOS: the two certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>macOS: the API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/settings.py"/>
        <source>Build mode</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>1 differs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>1 cannot be compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>The fields in use, or the likely ones</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Signed by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Notarised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Undone {time}: the server has its old values again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: {n} settings were changed and read back; 1 of them cannot be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Applied {time}: {n} settings were changed and read back; {m} of them cannot be compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Proved {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Not as in this profile: {n} of the server's settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>{n} minutes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{time} ahead</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{time} behind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>What is below is of {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Judged {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{n} differ</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>{n} cannot be compared</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_judge.py"/>
        <source>nobody</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Tried {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/work.py"/>
        <source>the former secret, from the keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/work.py"/>
        <source>the former file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ended on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends on {date}, {left}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what}: when it ends is not known.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Code-signing certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>What was signed and time-stamped before stays good.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Application secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It has no end; it is good until somebody revokes it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple Developer Program membership</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's services do not tell it: see developer.apple.com/account, and type it in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>A request for its next version waits for the CA's answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>The secret itself does not tell it. An administrator's sign-in on Permissions reads it; or see App registrations &gt; the application &gt; Certificates &amp; secrets, and type it in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Developer ID Application certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Developer ID Installer certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Intermediate of the code-signing certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple says that it has lapsed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It comes with the CA's answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Sign in: it is read off the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Make the next one before, and put it in everywhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It is read off the .p12 file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>No key has been given yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>As typed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's agreement</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>The Account Holder has to accept the present one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Renew it: certificate renew makes the signing request beside the one that signs meanwhile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let the owner of the app registration make a new secret, and put its value in here and at the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let Apple's Account Holder make a new one: identity request makes what Apple asks for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Renew the certificate: a new one comes below the CA's newer intermediate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let the Account Holder renew the membership at developer.apple.com/account.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Let the Account Holder accept it at developer.apple.com/account.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends in {days} days ({name})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends today ({name})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/secret_end.py"/>
        <source>Several secrets begin alike; this is the first of them to end.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's intermediate Developer ID (G1)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>A certificate that it issued ends with it at the latest; new ones come from G2.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>Apple's intermediate Developer ID (G2)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>It issued a certificate of yours.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>{what} ends on {time}. {note}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>it is a folder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>it is no ordinary file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>{why}; what stood there is {former} now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/files.py"/>
        <source>there is no folder {folder}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Level and API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Finish</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Apple will notarise nothing until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>The file is signed; Apple will not notarise it until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>Signing will not work until this is mended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Something changed since this was checked: check it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nobody has signed in yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nobody has looked at the permissions yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nobody has looked at the certificate yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Nothing has been signed yet: Key Vault comes first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Both certificates are needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>The server has not proved yet that it signs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>There is no certificate to sign with yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Check the key, or go on and check it later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key_findings.py"/>
        <source>{file} cannot be read: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is of no kind that is inspected here: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} holds settings without secrets; nothing of it is taken over by looking at it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a profile of Codesign Wizard: {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Made</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Verdict</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a report of Codesign Wizard on {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>SHA-256</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a Windows program that is not signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{file} is a Windows program signed by {publisher}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Windows program, {machine}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>Description</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>somebody unreadable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>{n} bytes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Take it in beside your own: codesign-wizard profile import {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a private key that no password protects: whoever has the file has the key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/answer_findings.py"/>
        <source>The certificate of {name} is valid only from {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>The key of {name} is too small for new code-signing certificates: {key}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Windows trusts {name} for code signing, by {root}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>From this file alone Windows would not trust {name} for code signing: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>The certificate of {name} is good for: {purposes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>The certificate of {name} is of Apple's kind {kind}, of team {team}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is a certificate signing request: what a certification authority is sent.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Leaf certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is a private key in PEM, encrypted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is a private key in PEM, not encrypted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a private key in PEM, encrypted, and beside it:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a private key in PEM, not encrypted, and beside it:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Root certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Intermediate certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>Subject</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Issuer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Valid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Thumbprint (SHA-1)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>Thumbprint (SHA-256)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} is the certificate of {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds a key and the certificate of {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds the certificate of {name}, and {count} more.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>{file} holds {count} certificates; the first is that of {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>not encrypted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>Keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} is a .p12 file with nothing in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} holds {count} keys with their certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} holds a key without its certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} is a .p12 file with certificates but no key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_p12.py"/>
        <source>{file} is a .p12 file: a key and its certificates, encrypted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_certificates.py"/>
        <source>a certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>no integrity check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Programs for Windows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Who signed it, when it was time-stamped, and whether Windows trusts that.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Packages and apps for macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Who signed it, what is in it, and what macOS would refuse.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Certificates, and what a CA sent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whose they are, by whom, until when, and whether Windows trusts them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Signing requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>What they ask for, and with which key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Keys with their certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whose they are, how the file is protected, and what is missing in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Private keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whether a password protects them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Profiles and reports of this program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect_words.py"/>
        <source>Whose they are; a report is opened to be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspection.py"/>
        <source>{file} needs its password to be opened.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspection.py"/>
        <source>The password does not open {file}, or the file is damaged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspection.py"/>
        <source>{file} begins like {what} but cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>{file} cannot be opened as a .p12 file: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>{file} holds no private key, so nothing can be signed with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>{file} holds no certificate for its key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>The key in {file} is of a kind that does not sign programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>it is of another kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>the password that came is no text in UTF-8</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>Give the password in UTF-8, or type it where it is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>it is damaged or of another kind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>the password is wrong, or the file is damaged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>Type the password it was exported with.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/local_signer.py"/>
        <source>Export the certificate with its key.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>The signed file was not kept, because macOS would not accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>This version signs only: it does not notarise or staple yet, as the level “{level}” asks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>{file} is not the file that the former trial signed, so everything is done anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>{file} is signed already: the trial goes on where the former run ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/submitted_file.py"/>
        <source>a program alone is not taken; put it into a package, an app or a .zip</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>a .zip holds no ticket; give the app itself, or go to the level “notarise” only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>done before</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/macos_trial.py"/>
        <source>not sent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/package_contents.py"/>
        <source>{count} signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The Apple certificate expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>The certificate expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Apple certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>expired</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The application secret expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>CA's intermediate certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The CA's intermediate certificate expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Apple membership</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The Apple membership expired on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Azure subscription with a Premium Key Vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>about 5 USD a month</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>The private key lives in its hardware and never leaves it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Application registration with a secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>What the server signs in as. The secret expires after two years at most.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Code-signing certificate from a public authority</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>about 200 to 600 USD a year</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>days to two weeks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Such as DigiCert, GlobalSign, Sectigo or SSL.com. They check the organisation, and ask for proof that the key is in hardware.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Apple Developer Program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>99 USD a year</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>days to weeks</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Organisations need a D-U-N-S number first; every new agreement must be accepted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Developer ID Installer and Developer ID Application certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Only the Account Holder can create them, five of each kind at most. No Mac is needed: the requests can be made here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>With the right to change branding, on a server with the Software Build role.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>no cost</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>minutes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>A team key with access “Developer”. An administrator makes it; it downloads once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signer.py"/>
        <source>Trying again in {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network.py"/>
        <source>an answer leads there, and no token is for it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network.py"/>
        <source>it is no http address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network.py"/>
        <source>It must hold certificates in PEM.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>{hours} h {minutes} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Tokens, certificates and time stamps are refused by a clock that is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>ahead</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>behind</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>{minutes} min</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Let this computer set its clock from the network.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Windows: Settings, Time &amp; language, Date &amp; time, Sync now; or: w32tm /resync</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>macOS: System Settings, General, Date &amp; Time: Set time and date automatically.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_clock.py"/>
        <source>Linux: timedatectl set-ntp true</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_explain.py"/>
        <source>what answers speaks another protocol</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_download.py"/>
        <source>the answer is larger than any should be</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The name {host} is not known.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{host} refuses the connection.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{host} did not answer within {seconds} s.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The connection to {host} was torn down.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The certificate that {host} shows is not trusted by this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The proxy {proxy} wants a user name and a password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The proxy {proxy} does not let {host} through.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The proxy {proxy} cannot be reached.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{proxy} is not the address of a proxy that can be used.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>This computer's clock is {offset} {direction}, compared with {host}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The CA bundle {file} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>{host} could not be asked: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>A proxy or virus scanner that inspects TLS does this: it must be trusted here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Write it as http://host:port; other kinds than http and https are not supported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It goes through the proxy {proxy}: that, or something behind it, ended it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It was issued by {issuer}. A proxy or virus scanner that inspects TLS does this; trust it here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Give the inspecting proxy's CA certificate to the wizard.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Or ask them not to inspect the hosts that this page names.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Put the login into the proxy's address.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Try again; if it stays slow, give it longer under Settings, Time-out, or --timeout.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Compare the proxy's address with what your network people give for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Try again; if it stays, show your network people these words.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Choose the file under Settings, CA bundle; or pass --ca-bundle FILE.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>The backup server needs the same certificate, if it is behind the same proxy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Settings, Proxy: http://USER:PASSWORD@HOST:PORT; or set HTTPS_PROXY so.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>A proxy that wants a Windows sign-in (NTLM, Kerberos) needs a local relay such as Px.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It stands under Settings, Proxy; or in --proxy; or in HTTPS_PROXY.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>It may be known only inside the company's network, or over its VPN.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Compare the proxy's address and port with what your network people give for it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Compare the name, and whether this computer is online; else ask your network people whether {host} may be looked up from here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Ask your network people to allow {host}, port 443.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Try again; if it stays, ask your network people what ends connections to {host}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>Ask your network people for the CA certificate in PEM ({issuer}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/network_findings.py"/>
        <source>its name is in their proxy's settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>The profile {name} cannot be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>The profile {name} was written by a later version of Codesign Wizard.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>it is not a JSON object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>its schema number is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile.py"/>
        <source>Open it with that version; nothing was changed here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_document.py"/>
        <source>{where} has the wrong type</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_document.py"/>
        <source>{where} is not an object</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Key in the vault's hardware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>The profile {name} was changed in another window as well; both changes are kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>The profile {name} was changed here and in another window, one setting in two ways.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>The profile {name} was forgotten in another window; it is saved anew from this one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>What stands here was kept. What was typed there is below, in case it was right.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>Look which value is right, and close one of the two windows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>Taken over from there: {what}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_merge.py"/>
        <source>here {ours}, there {theirs}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>There is no profile called {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>The profile {name} could not be saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Its secrets were removed with it: they are asked for again where they are needed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Several profiles have this name: give the id. Profiles: {known}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Profiles: {known}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>If it is not wanted any more, forget it here as well, on the page Start.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Its id is not a file name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>Not readable as JSON: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>The report is saved as {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/identity_findings.py"/>
        <source>{file} cannot be written: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>This is a report of another day and perhaps another computer: nothing is run from it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>The keyring did not answer, so the report could not be searched for the secrets in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>its name must end in .html or .json</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Application</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Tenant</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Apple team</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>Apple key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>Proxy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report.py"/>
        <source>practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Step</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Checked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>1 day</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Seen by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Made {time} by Codesign Wizard {version}. Times are UTC. No secrets are in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Signing report: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What is in order, and notes ({n})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>{n} days</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What to do:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Permissions in the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What was seen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Settings, without secrets</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Versions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Made on practice accounts: nothing in it is real.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What stands in the way</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>{file} cannot be opened as a report: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>{file} was written by a later version of Codesign Wizard.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>it is none of Codesign Wizard's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>Report of {time} UTC, made by version {version} on {system}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>it is too large to be one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/api_key.py"/>
        <source>it is empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>it is no text in UTF-8</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>it is cut short or damaged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>something in it is not as the program writes it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>{text}, with practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>Open it with that version.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_open.py"/>
        <source>Ask for the report again: as the file itself, not its text.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>The product name cannot be put into the sample installer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>{version} is not a Windows file version.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>It is empty. Give the product's name as customers know it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>It has a control character or a line break in it. Type it again by hand.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>Give up to four numbers between 0 and 65535 with dots between them, such as 1.2.0.0.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/sample.py"/>
        <source>It is longer than {limit} characters. Use a shorter one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>Secrets are kept in memory for this run only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>{place} did not store the secret.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>The secret is longer than {place} can hold.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>memory, for this run only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>the system's keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>This system has no keyring.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>the macOS Keychain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>no answer within {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>What it returns is not what it was given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>The system's keyring does not answer: {error}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/secrets.py"/>
        <source>Unlock the keyring, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>“Sign only”: macOS 10.15 and later will stop what customers download.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>at the CA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>1 of 2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>with a warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>does not sign yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>not started</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>in progress</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>needs attention</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>to be corrected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>out of date</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>secret: {when}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>certificate: {when}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Diagnosis for macOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Diagnosis of the Comet Server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Check it again: what is shown is what was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Nothing is chosen to be signed yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ended on {date}: what replaces it is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ends on {date}: what replaces it is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ended on {date}: renew it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ends on {date}: renew it before.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>You</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Azure administrator</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Apple's Account Holder</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Certificate authority</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/needs.py"/>
        <source>Administrator of the Comet Server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>1 more step needs attention.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Needs attention: {step}. {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Signing works for {systems}: all was checked and proved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{done} of {all} steps are done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Check the order and issue the certificate for the signing request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Go on with {step}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Something changed since the check of {step}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what} ends on {date}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Check again: {step}. Something changed since.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{what}: look up when it ends, and type it in above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{n} more steps need attention.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Hand in the CA's answer when it comes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>today</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>in 1 day</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>ends today</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>1 day left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{whole}.{tenths} kB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{whole}.{tenths} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{whole}.{tenths} MB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>in {n} days</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/text.py"/>
        <source>{n} days left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>SmartScreen may still warn at first: it goes by reputation, which grows with downloads.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>The signed file was not kept, because Windows would not accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>accepted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>Opening the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>refused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial.py"/>
        <source>Signing with {key}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove_findings.py"/>
        <source>The folder {folder} cannot be written: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial_parts.py"/>
        <source>The output would be {file} itself, which is to be signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>not readable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/trial_parts.py"/>
        <source>Choose another name or another folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>1 warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>1 problem</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>Below: {parts}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>1 more problem</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>Besides: {parts}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>{n} warnings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/standing.py"/>
        <source>{n} problems</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/verdict.py"/>
        <source>{n} more problems</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/opening.py"/>
        <source>A report holds no secrets.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/overrides.py"/>
        <source>{value} cannot be used for {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/overrides.py"/>
        <source>It must be one of {values}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/overrides.py"/>
        <source>Give seconds, more than 0 and at most 3600, such as 20.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Apple certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Two Developer ID identities of one team. They are read here and stay on this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>No Mac? Make the signing requests here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Reading the certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Trying the password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Put both under one password…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Let the files' team be the profile's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Write each to a file of its own…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Something changed since the certificates were read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Read {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Making keys and requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Where the signing requests go</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Saving the requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>1 file saved in {folder}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>{n} files saved in {folder}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Drop the signing requests?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>&amp;Drop them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Dropping the requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>The practice authority answers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Where the .p12 files go</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Keep them safe: with them and their password anybody can sign in your name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Both under one password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>They are written anew, with their whole chain; the files you have stay as they are.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Write these files?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Write them no&amp;w</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Writing the .p12 files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Kee&amp;p them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Lost for good: their keys. A certificate that Apple makes for them can then never be used, and counts among the five of each kind that an account may have.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>that of {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Replaced: {files}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>1. The two signing requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Drop the requests…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>2. On Apple's site</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Open Apple's page</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>3. What Apple gave you</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Drop the two .cer files here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Apple's certificates (*.cer *.crt *.pem *.der);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Let the practice &amp;authority answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Practice: nobody has to click at Apple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Their keys wait on this computer, encrypted. You can close the wizard meanwhile.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Two keys are made on this computer, and a request for each. The keys wait here, encrypted under a password that is kept with your other secrets.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>&amp;Make the other request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>&amp;Make the signing requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Each certificate finds its key here by itself. Both become .p12 files, with their chain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>made {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Sa&amp;ve both files…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Sa&amp;ve the file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What will be asked about</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What the answers mean</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What will be judged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>What the vault may hold</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/before_looking.py"/>
        <source>In the words of an access policy; Azure RBAC has its own for the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>What the vault holds, and the way to the next certificate. You confirm every change first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Nothing changes in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Looking what the vault holds</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Asking for the proof</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Reads the vault and asks the CA about revocation. Changes nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Then the vault can be read. That changes nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Loo&amp;k in the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>the pasted text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>the practice CA's answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>Checking the CA's answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>Merge this into the vault?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>It fits the request. The certificate and its issuers go there; the root stays out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_answer.py"/>
        <source>Mer&amp;ge it now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Merging the answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>the CA's refusal</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Save the signing request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Signing requests (*.csr *.pem)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Saving {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>PEM, certificate and issuer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>DER, the certificate alone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>PKCS #7 (.p7b)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>PKCS #7 as text (.p7b)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>a zip with a readme</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>three files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>text in a mail</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>root first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>twice, with strangers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Make a signing request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>&amp;Write a signing request…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Is there one already?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Change the na&amp;me…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>&amp;Check, then show what is made…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Close the fo&amp;rm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The CA's answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>&amp;Merge it…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Form of the practice CA's answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Let the practice C&amp;A answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>At the CA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>It wants pr&amp;oof of the hardware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The CA wants proof that the key is in hardware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Most CAs are content with the vault's tier and the key's type: in the portal, the key's page shows RSA-HSM, and the vault's overview the tier Premium. Some take a statement of the service.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Ask the vault for a statement</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Save the proof</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>A .pfx file from a CA does not help: since June 2023 the key must be made in hardware, so it cannot come from outside.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>In any form and order. It is checked before anything is merged.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Practice: the CA answers at once, not in days.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>This vault gives no statement: Microsoft has it for Managed HSM only. Show the CA the key's page in the portal (RSA-HSM) and the vault's tier (Premium).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Go on with the request that waits</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Recover the deleted one…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Choose another name…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Take a software key, for tests only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Open Permissions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>You say who the certificate is for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The vault makes a key in its hardware and a request for it: the key never leaves.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>You give the request to a CA (DigiCert, GlobalSign, Sectigo, SSL.com and others).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The CA checks your organisation, in days to two weeks, and sends the certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>You drop it here. It is checked against the request, then merged into the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>The name {name} was looked for in the vault {vault}. If your certificate has another, give it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Order a code-signing certificate (OV or EV). For the key choose your own HSM or Azure Key Vault, not a USB token.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Give it the request: the file, or the whole text with first and last line.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Answer its questions: trade register, a telephone call, an agreement.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Download what it sends, with the chain if it offers one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_parts.py"/>
        <source>Given: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Checking before anything is made</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Make this in the vault?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Nothing has been made so far. This is all that will be:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Make it no&amp;w</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Making the signing request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>&amp;Drop it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Dropping the request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Bring the deleted certificate back?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>All its versions come back as they were, and can sign again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>&amp;Recover it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Kee&amp;p it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Lost for good: its key. A certificate that the CA issues for this request, even one that is paid for, can then never be used; the CA would have to issue it anew for another request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Drop the signing request {name}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_request.py"/>
        <source>Recovering</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/held.py"/>
        <source>Not in a report: it is only read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Inspect a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>What it is, whose, until when, and what is wrong with it. The file is only read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Password of the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>The file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Open with this password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Reading {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Reading {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect_welcome.py"/>
        <source>Drop a file here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>Choose a file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Key Vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Where the key is, and who may use it. Looking and signing in change nothing there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>The options of the server's form</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Application sec&amp;ret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Azure cloud</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Si&amp;gn in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Asks Microsoft for a token, reads the certificate, and has one test digest signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>On your clipboard already?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Checked without the secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Who the vault sees</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Storing the secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Forgetting the secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk.py"/>
        <source>Signing in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Microsoft is asked for a token, then the vault for the certificate and one test signature.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Vault name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>such as contoso-signing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>C&amp;ertificate name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>such as codesign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Application ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Tenant ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Value, not Secret ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Azure clou&amp;d</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>What is recognised fills the fields of the form.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Not recognised. It takes JSON from az, an address of a vault, key or certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Looking for the vault {name}, without the secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Something changed since this was checked. Sign in again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>The secret is saved in {place}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Signing in to {vault}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>vault name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>certificate name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>application ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>application secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>tenant ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>All is filled in. Sign in to see whether it works.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signed in, but signing with this vault does not work yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signing in does not work yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signed in, and the vault answers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>But the application may not do all that it needs: the next page says what is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Application ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Object ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/options.py"/>
        <source>Tenant ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Token valid until</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Certificate valid until</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Key Vault comes first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Key Vault comes first: signing in did not work.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Look at what is doubtful in the form, then sign in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Signing in cannot work yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Fill in what is missing, then sign in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>The vault answers, and its key signs for you.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>The vault's key signs for you, but a problem stands in the way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Correct what is wrong in the form, then sign in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>What was checked without the secret says why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>To be corrected: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Doubtful: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault_words.py"/>
        <source>Still missing: {names}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>A team key with access “Developer” is enough. It is made in App Store Connect, Users and Access, Integrations.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>macOS level and API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>How far the server goes before it hands a client to your customers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>&amp;Which one?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Not needed at the level “sign only”; it can be made ready here all the same.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Reading the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Forgetting the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Checking with Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Looking for the API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>S&amp;ubmissions to Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>They stay with Apple and cannot be withdrawn. A new one is not faster.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>What Apple said</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Asking Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Copy the ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Ask again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Explain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>What Apple says of {file}, {id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_submissions.py"/>
        <source>Copy the submission ID {id}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Packages (*.pkg);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>macOS trial</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>An installer package signed here, taken to the chosen level, judged as macOS would judge it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Start ane&amp;w</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Submit all the sa&amp;me</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Apple judges for itself; what is submitted cannot be withdrawn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Packages, apps in a zip, programs (*.pkg *.zip *.app *.dylib);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Use an &amp;app…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>An app is a folder whose name ends in .app</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Signed with</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Apple &amp;certificates…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Level and &amp;key…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Choose a package or a program to sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>The trial has not come to its end yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Signed, but not through the level yet: go on when you like.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>An app to sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>What happens to a copy that a customer downloads?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>The programs inside are signed first, each with the hardened runtime and a time stamp, then the package itself. What was signed before is signed anew.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Use my own…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Apple certificates…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Level and API key…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>holds, but not enough for Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>{n} signed, hardened runtime on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Programs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Package</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>&amp;Go on: {stage}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_store.py"/>
        <source>none yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Sample package for {product}, or drop your own .pkg or .app here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>goes on here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Close the report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>What if: another scenario</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Dismiss</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>{report}, only to be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>{file}: nothing is run from it, nothing of it is kept. It may have been changed on its way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>What if: {summary}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Go to {page}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Dismiss: {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Something is under way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>What the application may do in the vault. Looking changes nothing there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Loo&amp;k at what the application may do</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Fi&amp;x it as administrator…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Loo&amp;k again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Looking at the permissions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Looking what the application may do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>The vault is asked about each permission; nothing changes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Asks the vault about each permission, and has one test digest signed. Changes nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Then the vault can be asked about each permission. That changes nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Something changed since this was checked. Look again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>Nobody has looked yet at what the application may do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions.py"/>
        <source>A few seconds, and nothing changes in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Stopped. What was granted by then stays; look again to see it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Signing in as administrator</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Signing in as administrator.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Then the grants themselves are looked at; nothing changes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Open the address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Nothing was granted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Granting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Granting what is shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Then the vault is asked until it knows of the grant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Granted. The vault does not know of it yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>That takes some minutes, and ends by itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>The administrator was signed in to another tenant: sign in again for this one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Let the practice administrator sign in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_admin.py"/>
        <source>Waiting until the vault knows of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/later_words.py"/>
        <source>Stop waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>Signed in as {account}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>By hand, or for somebody else to do: portal, az, PowerShell</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>It sees the grants themselves and when the application's secret ends, and can add what is missing. You see what is granted first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>How to sign in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Si&amp;gn in as administrator…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>What to grant</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Leave it as it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Fix it with my administrator account</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Look as an administrator</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Copy the code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Waiting for {gone}; the vault does not know the grant yet. Asking for {left} more at most. “Stop waiting” ends this; the grant stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Granted {gone} ago; the vault does not know it yet. Asking for {left} more at most. “Stop waiting” ends this; the grant stays.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>In the browser</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>With a code on another device</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>With the session of az on this computer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>All that the documentation asks for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Only what the certificate's life needs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Only what signing needs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Open this address on any device, and type the code:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Address and code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>&amp;Wait until the vault knows of it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>&amp;Grant this now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>The code is {code}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>All of it is granted already.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>What is in it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Show only what is missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Show only what is uncertain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Show all permissions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Azure RBAC</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>access policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Permission model:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Nothing that is asked for is missing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Needed to: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Missing {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Uncertain {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>All {n}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Nothing that is asked for is uncertain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/context.py"/>
        <source>yes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>no</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/permissions.py"/>
        <source>likely</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>{minutes} min {count} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/permissions/report.py"/>
        <source>What the application may do could not be found out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>The application may not sign yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>The application may sign, but a problem stands in the way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_words.py"/>
        <source>Whether the application may sign is not certain.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_words.py"/>
        <source>{count} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>The server that signs your clients: what it has, what this profile holds, and the proof.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>How they were judged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>A change of the server's settings was interrupted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>A change that began {time} was interrupted. Sign in: what became of it is said then.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>The clients below were judged {time}, before the last change.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>Cancelled. Nothing was changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>Type the code that the authenticator app shows now, and sign in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/findings.py"/>
        <source>The server asks for a one-time code for {user}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Signing out of the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Signing in to the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Looking at the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Only these; everything else goes back as it came. The old values are kept, and the new ones are read back and compared.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Changing the server's settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>These are the values from before the last change; nothing else is touched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Undo the change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Giving the old values back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>The server builds its clients</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Cancelling leaves the server as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Change 1 setting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Change this on {host}?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Give {host} its old values back?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_jobs.py"/>
        <source>Change {n} settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The Comet Server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;User name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Use it without encryption</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>&amp;One-time code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Take the practice code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Si&amp;gn in and look</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Asks the server for its version, rights and settings; changes nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Look again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Sign out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server's settings beside this profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Which of the server's fields take the .p12 files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Files go into</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Likely, not sure: the vendor's documentation does not say which pair of fields takes an uploaded .p12. Save one file in the server's own form and look again: the field that it fills is the one. Or choose the other pair if the server does not find the certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Appl&amp;y…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>&amp;Undo the last change…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Show the file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Prove it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>&amp;Prove it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Sign in first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>An administrator who may change the branding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>From the authenticator app; each works once.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/server.py"/>
        <source>There is nothing to apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Sign in to change anything.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server builds its own clients. They are downloaded and judged like the trials: signed at all, by you, with a time stamp, and for macOS notarised as the level says.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>This server builds no clients.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server does not let these settings be changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Unpack</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Judge</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Show the file of {client}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>The server offers no client for Windows or macOS.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Nothing is chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>Choose a client.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>1 setting would be given to the server; you see it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server_parts.py"/>
        <source>{n} settings would be given to the server; you see them first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>This is not the address of a proxy.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>There is no such file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Certificates (*.pem *.crt *.cer);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Kept in this profile as you type. An empty field means the default.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Practice sets these itself.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Its own proxy and certificates lead to the practice accounts; your settings are untouched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Proxy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;CA bundle</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Time-out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Roots trusted besides Microsoft's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Roots for code signing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Roots for time stamps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_certificates.py"/>
        <source>Forgetting the password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Language</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>As the system</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Add…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Choose a PEM file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>the time-out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Used for every call: to Microsoft, Apple, time-stamp servers, certificate authorities and the Comet Server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>from the environment, or http://proxy:8080</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>a PEM file, besides the system's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Seconds for one attempt; what does not answer is tried again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>For a private authority. Your customers' Windows does not know it; results will say so.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Of the whole program on this computer, not of this profile alone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>The program speaks it from the next start on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/prove.py"/>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Add a file: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Remove the selected file: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>It could not be kept: {why}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Start</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>From accounts to a signed, proven installer of your own brand, one step at a time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/inspect.py"/>
        <source>Profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Profiles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>New…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>New profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Rename…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Rename the profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget the profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Name of the profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Name, such as your product's</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Keep it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Product name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Windows: an .exe signed by a key in Azure Key Vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;macOS: a .pkg signed and notarised with Apple's certificates</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>A &amp;Comet Server will receive the settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Try it with practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>&amp;Try it with practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Use my own accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What if: choose what goes wrong</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Have a file already?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Drop it here, or anywhere on the window.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Files that can be inspected (*.exe *.dll *.pkg *.zip *.cer *.crt *.pem *.csr *.p7b *.p12 *.pfx *.p8);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Choose a file to inspect</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What you will need</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>As your customers see it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Ticked off as the wizard finds it to be there.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Cost</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Waiting time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>not found yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Create</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Keep this name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Leave as it was</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>The new profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forget {name}, its settings, results and stored secrets? Nothing changes at Azure or Apple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/opening.py"/>
        <source>My product</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{systems} signing works: the trial was signed and verified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The accounts are made up and live on this computer only; nothing real is touched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>No accounts yet? A made-up vault, an Apple team, a Comet Server and time-stamp servers on this computer show the whole way. Nothing real is touched, and nothing leaves this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Everything is filled in: walk the whole way with Next.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Practice accounts are on their way: a vault, an application, an Apple team, a Comet Server and time-stamp servers that live on this computer only. Your own profiles and your keyring are not touched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>You are on practice accounts: a vault, an application, an Apple team, a Comet Server and time-stamp servers that live on this computer only. Your own profiles and your keyring are not touched. “What if…” lets something go wrong, and shows how that is explained.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>A second or two.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Choose what will be signed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Renewed already? Check it again on its page, and the wizard sees what is there now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Next expiry: the {what}, {when}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/repack.py"/>
        <source> and </source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>No accounts yet? Try the whole way with practice accounts first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The server signs its clients as you.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The trial for macOS was signed and verified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The trial for Windows was signed and verified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The vault can sign.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{name}: {what} expires {when}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>{step}: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/summary.py"/>
        <source>Next step: {step}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{systems} signing works.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{name}: no expiry known yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>{name}: {what} expired on {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Needs attention: {step}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Nothing is proved yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>Out of date: {step}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Write a date as year-month-day, such as 2027-05-01.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Summary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>What works, what ends when, what comes next; and the report to hand on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What to do next</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Sa&amp;ve report…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Copy for support</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What ends when</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Secre&amp;t ends on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Membership ends on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Save cale&amp;ndar file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Save reminders of all known ends for a calendar</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Saving the report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Saving reminders</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Save the report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>For people (*.html);;For programs (*.json)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Save reminders for the calendar</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Calendar files (*.ics)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Who has to act, from what was found.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>One file with all of this, the evidence and the settings. Secrets are not in it, and folders are shortened. Dropped on this window it opens again, only to be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>such as 2027-05-01</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>Asking the keyring</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>ended</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>{state}, checked {time}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Nothing: everybody has done their part.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Show</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>no end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/expiring.py"/>
        <source>not known</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Show: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>The signed file could not be saved as {name}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Sign and &amp;verify</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>The signed file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>How it was judged</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Show the &amp;file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Save t&amp;he signed file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>&amp;Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Signing and verifying</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Signing and verifying.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_level.py"/>
        <source>Cancelling leaves everything as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Save the signed file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Saving the signed file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>there is something of this name already</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Cancelled. Nothing was left behind.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>not kept</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Something changed since this trial. Sign and verify again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>Checked {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate_files.py"/>
        <source>Saved as {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/level_words.py"/>
        <source>The result below is of {time}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/trial.py"/>
        <source>Practice roots are made up: this is as good as it gets here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Switch on one thing that goes wrong in this practice, see how the wizard explains it, and switch it off again. Nothing real is touched.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Find: firewall, expired, agreement…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Find a scenario</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>No scenario has these words.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>1 scenario</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start_words.py"/>
        <source>The practice accounts are being started.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Switch off: {summary}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Switch on: {summary}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>This is for practice accounts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>On your own accounts nothing is made wrong. Start offers practice accounts.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>{n} scenarios</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>{area} ({n})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Can show on {pages}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/notice.py"/>
        <source>Switch off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Switch on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>On: {summary}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Perhaps, at first. SmartScreen goes by the reputation of the file and its publisher, which grows with downloads; a valid signature alone does not give it, nor does an EV certificate since 2024. A renewed certificate, or one of another authority, may begin anew. Nobody can promise that no warning appears.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>The trial did not succeed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Windows programs (*.exe)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Publisher</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Chain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Time stamp</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>For the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Build</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Hash</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Sign</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Time-stamp</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Embed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Verify</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/flow.py"/>
        <source>Windows trial</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>An installer signed by the key in your vault, judged as Windows would judge it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Asks the vault for one signature and a time-stamp server for one time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/certificate.py"/>
        <source>Go to Ke&amp;y Vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>What will be signed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Windows programs (*.exe *.dll);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Use the sample</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/verify.py"/>
        <source>Architecture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Architecture</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>D&amp;escription</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;URL</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/macos.py"/>
        <source>Digest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Time stamps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/trial.py"/>
        <source>Signed and verified: Windows will accept it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Will SmartScreen warn?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>x64, 64-bit Intel and AMD</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>x86, 32-bit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>arm64</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>shown in Windows' prompt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>a page about it, optional</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Di&amp;gest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Asked from the top; the next one only if it does not answer. Edit with F2.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Without a time stamp the signature ends with the certificate.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Use my own .exe…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Ready: the vault can sign.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/trial_words.py"/>
        <source>Nothing has been signed yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>The trial signs in by itself; Key Vault explains what goes wrong on the way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>Sample installer for {product}, or drop your own .exe here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/windows_trial.py"/>
        <source>The trial did not succeed. It ended at: {stage}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>{wanted} has to wait: “{what}” is under way.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The removal of the profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>What it finds is for {name}, which stays open. Wait for its end or cancel it below.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/server.py"/>
        <source>Storing the password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Forgetting the profile</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Starting the practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Switching it off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Making it go wrong</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Ending the practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>Opening {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The start of the practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The end of the practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>The profile {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/workspace.py"/>
        <source>What you asked for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>This practice was started with a scenario that it keeps in its folder, so that it can be mended there. For another, start afresh: codesign-wizard gui --practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Nothing of it is seen any more: it was mended. Switch it off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Under way: it shows in a moment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>To see it: {how}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/what_if.py"/>
        <source>Shows on {page}. {how}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>What was seen before is out of date. Check again on: {pages}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>No scenario is switched on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>It was seen. It can be switched off once what is under way has ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Seen: it is explained below. Switch it off and sign in again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Seen: it is explained below. Switch it off and check again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Write a signing request, let it be checked, and make it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look in the vault, then let the practice CA answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look, then apply.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look; the practice code is offered where it is asked for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign and verify, then submit it all the same. The trial signs what it reaches; a program in an archive inside stays as it was.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look at what the application may do, then sign in as administrator.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look, then prove it before you apply anything.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look, apply what differs, then prove it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look at what the application may do.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Look in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Check the key with Apple.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign and verify.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign in and look.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Sign-in to Azure</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Network and vault's address</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Permissions by roles (RBAC)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Permissions by access policy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Certificate and the CA's answer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Windows trial: time-stamp servers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Apple: account, notarisation, ticket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Comet Server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>Seen, and explained on {page}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/playing.py"/>
        <source>It takes as long as Settings allow for an answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>The program goes on by itself. You can close this page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>The practice cloud has no page at this address.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Sign in as the practice administrator</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Enter the code that the program shows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You have signed in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Sorry, but we are having trouble signing you in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>There is nothing here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You are being sent back to the program</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You have not signed in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Go on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/app.py"/>
        <source>Practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>{client} asks for it. No password is needed: this is practice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>You can close this page.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/pages.py"/>
        <source>Then choose who signs in. No password is needed: this is practice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/entra/people_routes.py"/>
        <source>That code did not work. Check it and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/keyring.py"/>
        <source>the folder of this practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The vault has no access policy for the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The portal's template was taken, which does not tick the cryptographic operations.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The access policy names the object ID of the app registration.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The access policy is what the documentation asks for: all is well.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The access policy has more than is asked for: deleting and purging, too.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/access_policy.py"/>
        <source>The application has the roles, but the vault goes by access policies.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>An agreement of Apple's waits to be accepted by the Account Holder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The API key was revoked, or is another team's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The API key's role does not include notarisation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/apple/notary_findings.py"/>
        <source>Apple has not set the team up for notarisation yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build leaves its package and programs unsigned.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build signs its programs without the hardened runtime.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build signs package and programs without a time stamp.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The practice company's build signs with Apple Distribution in place of Developer ID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>Apple takes longer than one wants to wait.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>A firewall tears every upload to Amazon S3 down.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>The ticket lags behind Apple's result.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/apple.py"/>
        <source>Accepted, but there is no ticket.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>There is no certificate of this name in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The signing request still waits for the CA's answer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>Somebody deleted the certificate; it can be recovered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate is switched off in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate expired ten days ago.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate expires within three weeks.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate is one for web servers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The key is kept in software, not in the HSM.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The key may be exported from the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate has an EC key, which Windows does not accept for programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate has an RSA key of 2048 bits.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The certificate was made by the vault itself, not by a CA.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The key of the certificate is only allowed to wrap other keys.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The vault is of the Standard tier, and a request with an HSM key is made.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The CA mixes up orders: its answer is for another request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/certificate.py"/>
        <source>The issuer's certificate is neither in the vault nor where the certificate names it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault's name does not resolve.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault's firewall does not let this address in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault can be reached through a private endpoint only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>A security gateway opens TLS connections and signs them with a CA that is not trusted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The proxy asks for a login.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault refuses: too many requests.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault's service is unavailable.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>The vault does not answer in time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/network.py"/>
        <source>Connections to the vault are torn down.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application has no role on the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application is Contributor of the resource group, which opens nothing in the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application may read what is in the vault, and use nothing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application has the role for certificates, and not the one for keys.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application may use keys, and not read certificates.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application's roles are on one certificate and its key in place of the vault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The roles were assigned a minute ago, and the vault does not know of them yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>A deny assignment forbids signing, whatever the roles say.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The role for keys has a condition: signing over a private link only.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/rbac.py"/>
        <source>The application has an access policy, but the vault goes by roles.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator has two-factor authentication, and no code was given.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator's password is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator may not see or change the branding.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The administrator belongs to a tenant of the server.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server's Software Build role is off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server gives out the vendor's pre-built client.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server refuses the build as JSON, where a file should come.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The secret that the server was given has expired; the profile has a newer one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server delivers its loader with a data file, signed by the vendor's partner.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>The server's client is signed, but by another company.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>Somebody changes the server's settings between the look and the save.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/server.py"/>
        <source>Something else than a Comet Server answers at the address.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The application secret is not one of the application's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The Secret ID was pasted in place of the secret's Value.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>The application secret has expired.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The Application ID is not one of the tenant's: the registration's object ID was pasted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The enterprise application is switched off for sign-in.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The application is registered, but has no service principal in the tenant.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The Tenant ID is no tenant's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>The vault belongs to another tenant than the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/azure/signin_findings.py"/>
        <source>A Conditional Access policy blocks the application.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/sign_in.py"/>
        <source>This computer's clock is three hours behind the cloud's.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>The first time-stamp server is down.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>The first time-stamp server does not answer in time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>The first time-stamp server answers another request.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/scenarios/windows_trial.py"/>
        <source>No time-stamp server works.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/practice/state.py"/>
        <source>The folder that keeps the practice cloud cannot be used: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/runner.py"/>
        <source>Something happened that the wizard does not know.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/runner.py"/>
        <source>What you were doing was stopped; nothing you typed is lost.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/runner.py"/>
        <source>Try again. If it comes back, save the log and send it to support.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/__main__.py"/>
        <source>Say where the pictures go: python3 dev.py screenshots DIR [LOOK or SCENE…]. Looks: {looks}. Scenes: {scenes}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/pages.py"/>
        <source>The practice accounts should have refused the sign-in, and did not.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/run.py"/>
        <source>The pictures cannot be written to {folder}: {reason}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/run.py"/>
        <source>{scene}, {look}: the process that took the pictures ended.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/run.py"/>
        <source>{n} pictures are in {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/client.py"/>
        <source>the sign-in</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/notary.py"/>
        <source>the upload</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/permissions.py"/>
        <source>the code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/permissions.py"/>
        <source>the countdown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/server.py"/>
        <source>the first client</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/summary.py"/>
        <source>the report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/way.py"/>
        <source>the proxy's password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/way.py"/>
        <source>the look without the secret</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/way.py"/>
        <source>the search</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/apple.py"/>
        <source>the time stamp</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/scenes/certificate.py"/>
        <source>the work to end</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/studio.py"/>
        <source>the window to close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/studio.py"/>
        <source>Waiting for {what} took too long.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/screenshots/studio.py"/>
        <source>{path} could not be written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>Drop the files here: .cer, .crt, .pem, .p7b, .zip</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_requests.py"/>
        <source>Choose &amp;files…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>The CA's answer (*.cer *.crt *.pem *.p7b *.p7c *.der *.zip *.txt *.eml *.htm *.html *.pfx *.p12);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>Paste the CA's text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/answer.py"/>
        <source>Or paste the text here, with whatever stands around it in the mail</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/expiry.py"/>
        <source>App Store Connect API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Iss&amp;uer ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Key ID</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Drop AuthKey_….p8 here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>API keys (*.p8 *.json *.pem);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Choose the API key's file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Replace…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Replace the API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Forget the API key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Takes it out of the keyring, with its ids; the file stays where it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>The Issuer ID is the same for all keys of a team. A key without one is an individual key: the notary service does not take it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>&amp;Check with Apple</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>above the list of team keys</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>ten letters and digits, in the file's name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>One harmless call. Nothing is submitted.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Use it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>EC P-256 private key, kept in {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Use {file}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Found {file} in {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Text to copy</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>your certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>root</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>intermediate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/request.py"/>
        <source>unknown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>The signing request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>The signing request as text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Ways to show the request</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>In words</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>As text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Copy the text</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Sa&amp;ve as a file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Drop the request…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>&amp;Renew it…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Save r&amp;eminders…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Save reminders of its end for a calendar</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Its chain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Versions in the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/desk_words.py"/>
        <source>In the vault</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/certificates/bundle.py"/>
        <source>Issued by</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>Owner checked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Version</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Serial number</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>newest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>switched off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{names} and {n} more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>The certificate {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{key}, in hardware ({level})</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{key}, in hardware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{key}, in software</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>until {date}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>{date}, {left}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/certificate.py"/>
        <source>How much of its time is over: {left}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/confirm.py"/>
        <source>Question</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/confirm.py"/>
        <source>Not yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>Setting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>On the server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>Here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>{setting}, on the server: {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>{setting}, here: {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/differences.py"/>
        <source>Apply {part}: {note}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/fields.py"/>
        <source>Choose a file: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Check again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>Copy what we saw</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>What was checked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Status</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Code</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Message</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>code {code}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>PowerShell command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Copy what to do</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Read more</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Read more about this</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_table.py"/>
        <source>What we saw: {what}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>What we saw</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Show in the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>likely, not proved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Check again: {title}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>az command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/findings.py"/>
        <source>Show the request {id} in the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Finding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Password of the .p12 files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>The file itself stays where it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Signs the package itself (.pkg).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Signs the programs inside the package.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>or paste its path</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Certificate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/doctor.py"/>
        <source>Team</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/certificate.py"/>
        <source>Valid until</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Issuers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/identity.py"/>
        <source>Protection</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/apple_making.py"/>
        <source>Password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/inspect.py"/>
        <source>&amp;Password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>The &amp;other password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>The files are not protected by a password.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/macos_trial.py"/>
        <source>Another…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Choose…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>not checked yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/look.py"/>
        <source>empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Password of the other file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Chosen when the files were exported or written here.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Chosen when the files were exported or written here, the same for both.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Remove the {name} file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Identities ({pattern});;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Choose the {name} file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Path of the {name} file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>Drop the {name} .p12 here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity.py"/>
        <source>It is for {file}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Installer &amp;file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>&amp;Application file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>New password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Reveal the new password while pressed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Password of the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Pass&amp;word</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>New passwor&amp;d</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Letters and digits are understood by every program. It is kept with the profile's secrets.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Protection of the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>&amp;Write them…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>&amp;Leave it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>A new one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Give each file a name of its own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Choose a password: a file with a private key is never written without one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>AES-256 and SHA-256, for today's programs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>3DES and SHA-1, as Keychain Access writes, for older importers</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Pro&amp;tection</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Say where the {name} file goes, with the whole path.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Where {name} goes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>good</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>mind this</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>bad</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>to know</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, and there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, not known yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, and not given yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>needed, and missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/level_cards.py"/>
        <source>not needed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Collecting the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Save the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Saving the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Not copied</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/basics.py"/>
        <source>Copied ✓</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>The lines were copied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>The log was saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_dock.py"/>
        <source>Dock</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>No line of this kind yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>detail</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>info</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>warn</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>error</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>No line matches.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>Only details so far: choose Details.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>Local time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Level</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>Part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Request id</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{job}, folded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{job}, unfolded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>UTC</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{id}: go to its finding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_pane.py"/>
        <source>Copy the selected lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_pane.py"/>
        <source>Go to the finding</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_pane.py"/>
        <source>Fold or unfold the job</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Search</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Search the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Follow new lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_copies.py"/>
        <source>Copy all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Copy the whole log, redacted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>The whole log; secrets are left out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Save…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Save the log to a file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_dock.py"/>
        <source>Float</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show the log in a window of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Hide</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Hide the log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Unfold jobs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Fold jobs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show every job's lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Fold every job to one line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>All</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show all lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show all lines and details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Warnings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show warnings and errors only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Requests</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Show lines with a request id only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Following ✓</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_toolbar.py"/>
        <source>Follow</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_view.py"/>
        <source>Log lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_view.py"/>
        <source>Folded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_view.py"/>
        <source>Unfolded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>not asked for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>sign a client</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>request, renew</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>documentation only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>Permissions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Likely missing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Not testable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Likely</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>{group}: {n} of {m} granted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Permission</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/matrix.py"/>
        <source>Needed to</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/notary.py"/>
        <source>State</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/paste_area.py"/>
        <source>Paste what you have</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/paste_area.py"/>
        <source>Paste here: JSON from az ad sp create-for-rbac, a vault's address, a key or certificate identifier, a portal link</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/comet/words.py"/>
        <source>Problem</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>Note</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/pieces.py"/>
        <source>For bash, as in Azure Cloud Shell. On Windows take PowerShell.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/pieces.py"/>
        <source>Command</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Forget the proxy's password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Its password is not known: type it with the address: {example}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Its password is not saved: type it each time, with the address: {example}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/proxy_login.py"/>
        <source>Its password is kept in {place}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/identity_files.py"/>
        <source>Reveal</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Shown while pressed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Shown while pressed, or while Alt+F8 is held in the field</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Replace</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/api_key.py"/>
        <source>Forget</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Reveal {name} while pressed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/report_html.py"/>
        <source>In order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Replace {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Forget {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Will be stored in {place}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/secret_field.py"/>
        <source>Saved in {place}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Time-stamp servers, in the order in which they are asked</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Add a time-stamp server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/settings.py"/>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Remove the selected time-stamp server</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Move the selected time-stamp server up</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/server_list.py"/>
        <source>Move the selected time-stamp server down</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>I have n&amp;one of these yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>I have none of these yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/permissions_card.py"/>
        <source>Ways to do it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/output.py"/>
        <source>Portal</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>Copy the steps shown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>Paste what the script prints into the field above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>az script</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/setup_steps.py"/>
        <source>PowerShell script</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Practice accounts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Practice accounts are in use: nothing real is touched</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>What if…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>What if: let something go wrong in this practice</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Inspect a file…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/summary.py"/>
        <source>Report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Report: summary, save, copy for support</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>not open yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Opens when the step before it has been visited</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Steps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Stay here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Go on anyway</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Progress</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Show &amp;log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/start.py"/>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_dock.py"/>
        <source>Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>1 line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Back to {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Back: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>&amp;Next: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Next: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/shell.py"/>
        <source>Cancel: {name}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/log_model.py"/>
        <source>{n} lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>waiting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/pages/key_vault.py"/>
        <source>working</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/commands/events.py"/>
        <source>done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>done, with a warning</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>did not work</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>left out</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>Progress of {stage}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/stage_cards.py"/>
        <source>{what}, {n} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>&amp;Organisation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Co&amp;mmon name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>&amp;Town</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>State or &amp;province</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Co&amp;untry</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Who the certificate is for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>the organisation's name again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>More that some CAs &amp;ask for</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>For e&amp;xtended validation (EV)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>The key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/core/profile_labels.py"/>
        <source>Kind and size of the key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Make it in so&amp;ftware instead of the vault's hardware (tests only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Make the key in software, for tests only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>What it will contain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Nothing yet: it grows as you type.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>The subject as the vault is given it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Copy the subject</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>As the trade register has it: the CA compares letter by letter.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>&amp;Key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>Every public CA refuses a key outside hardware: only for tests with a CA of your own.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/widgets/subject_form.py"/>
        <source>{key}, advised</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/app.py"/>
        <source>Codesign Wizard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>The log has no line of this request: it was asked in an earlier run.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>A finding speaks of this request, but its page does not show it now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>No finding speaks of this request: it was answered as it should be.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>Practice opens no browser. The address was copied.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>It is switched off: nothing is wrong in the practice now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>{what} ({n} s)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <location filename="codesign_wizard/window.py"/>
        <source>{reason} Go on all the same?</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
