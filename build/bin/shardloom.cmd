@echo off
rem The command line of Shardloom, on the Node.js that is packaged with it.
setlocal
rem Meant for another Node.js, which may know other options.
set NODE_OPTIONS=
"%~dp0..\cli\node.exe" "%~dp0..\cli\cli.js" %*
exit /b %errorlevel%
