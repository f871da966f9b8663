#!/bin/sh
# Adds Codesign Wizard to the menu of this user's desktop, where the folder is now; --remove takes it out again.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
share=${XDG_DATA_HOME:-$HOME/.local/share}
entry=$share/applications/codesign-wizard.desktop
case ${1-} in
  --remove)
    rm -f "$entry" "$share"/icons/hicolor/*/apps/codesign-wizard.png "$share"/icons/hicolor/*/apps/codesign-wizard.svg
    echo "Codesign Wizard is no longer in the menu."
    exit 0
    ;;
  '') ;;
  *)
    echo "Usage: $0 [--remove]" >&2
    exit 2
    ;;
esac
case $here in
  *[\"\`\$\\%]*)
    echo "Move the folder to a path without \" \` \$ % and \\ first; the menu could not start it here: $here" >&2
    exit 1
    ;;
esac
mkdir -p "$share/applications" "$share/icons"
cp -R "$here/share/icons/." "$share/icons/"
# the menu starts programs by their whole path, in quotes because of spaces
while IFS= read -r line; do
  case $line in
    Exec=*) printf 'Exec="%s/codesign-wizard-gui"\n' "$here" ;;
    TryExec=*) printf 'TryExec=%s/codesign-wizard-gui\n' "$here" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <"$here/share/applications/codesign-wizard.desktop" >"$entry.part"
mv "$entry.part" "$entry"
echo "Codesign Wizard is in the menu; $0 --remove takes it out again."
