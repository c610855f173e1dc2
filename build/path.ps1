# Puts the folder of the command line on Path, or takes it off again. The installer runs it: path.ps1 add|remove User|Machine
param(
  [Parameter(Mandatory = $true)][ValidateSet('add', 'remove')][string]$Action,
  [Parameter(Mandatory = $true)][ValidateSet('User', 'Machine')][string]$Scope
)
$ErrorActionPreference = 'Stop'

$bin = [IO.Path]::GetFullPath((Join-Path $PSScriptRoot '..\bin'))
$key = if ($Scope -eq 'User') {
  [Microsoft.Win32.Registry]::CurrentUser.CreateSubKey('Environment')
} else {
  [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Session Manager\Environment', $true)
}

# As it is stored: a Path that was read with its %NAMES% replaced would be written back without them.
$stored = [string]$key.GetValue('Path', '', [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
$folders = @($stored -split ';' | Where-Object { $_ -ne '' -and $_ -ne $bin })
if ($Action -eq 'add') { $folders += $bin }
$key.SetValue('Path', ($folders -join ';'), [Microsoft.Win32.RegistryValueKind]::ExpandString)
$key.Close()

# Tells the programs that run, so that the next terminal has it: setting a variable does that, even one that is not there.
[Environment]::SetEnvironmentVariable('SHARDLOOM_PATH_CHANGED', $null, $Scope)
