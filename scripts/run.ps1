# Opens the shop on Windows: scripts/run in WSL 2, else the containers of deploy\compose.yaml.
# Takes the options of scripts/run. Example: powershell -File scripts\run.ps1 --port 8123
$ErrorActionPreference = 'Stop'
$root = Split-Path -Parent $PSScriptRoot

function Test-Wsl {
    if (-not (Get-Command wsl.exe -ErrorAction SilentlyContinue)) { return $false }
    # without a distribution there is nothing to run in
    & wsl.exe --exec true *> $null
    return $LASTEXITCODE -eq 0
}

function Test-Docker {
    if (-not (Get-Command docker -ErrorAction SilentlyContinue)) { return $false }
    & docker compose version *> $null
    return $LASTEXITCODE -eq 0
}

function Initialize-Settings([string] $deploy) {
    $settings = Join-Path $deploy '.env'
    if (Test-Path $settings) { return }
    $password = [guid]::NewGuid().ToString('N')
    $lines = Get-Content (Join-Path $deploy '.env.example')
    $lines = $lines -replace '^POSTGRES_PASSWORD=.*', "POSTGRES_PASSWORD=$password"
    $lines = $lines -replace '^PREPARE_OPTIONS=.*', 'PREPARE_OPTIONS=--demo'
    [IO.File]::WriteAllLines($settings, [string[]] $lines)
}

Write-Host 'Starting MCP Orchestrator...'
if (Test-Wsl) {
    & wsl.exe --cd $root --exec bash scripts/wsl @args
    exit $LASTEXITCODE
}
if (Test-Docker) {
    $deploy = Join-Path $root 'deploy'
    Initialize-Settings $deploy
    Write-Host 'WSL 2 is not here: the shop opens in containers, at http://localhost:8000/'
    & docker compose --project-directory $deploy --file (Join-Path $deploy 'compose.yaml') up --build
    exit $LASTEXITCODE
}
Write-Error 'Museo needs WSL 2 (type: wsl --install) or Docker Desktop.'
