; What electron-builder's installer for Windows does beyond its own: `shardloom` on Path, for whoever it is installed for.
!macro shardloomPath ACTION
  StrCpy $0 "User"
  ${If} $installMode == "all"
    StrCpy $0 "Machine"
  ${EndIf}
  nsExec::ExecToLog '"$SYSDIR\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "$INSTDIR\resources\cli\path.ps1" ${ACTION} $0'
  Pop $0
!macroend

!macro customInstall
  !insertmacro shardloomPath add
!macroend

!macro customUnInstall
  !insertmacro shardloomPath remove
!macroend
