<#
.SYNOPSIS
    Makes a Hyper-V virtual machine of the LBVA disk that lies beside this script.

.DESCRIPTION
    Copies the VHDX file into the folder of the new machine and creates the machine as the appliance wants it:
    1 virtual processor, 2 GB of static memory, no checkpoints. Generation 2 boots by UEFI with Secure Boot,
    generation 1 by BIOS from IDE. The VHDX file beside the script stays as it is, so that the script can be run
    again, for instance for the second appliance of a pair.

    Needs Windows Server 2016, Windows 10 or newer with the Hyper-V role, and PowerShell run as administrator.

.PARAMETER Generation
    2 (UEFI, the default) or 1 (BIOS).

.PARAMETER Name
    The machine's name in Hyper-V: lbva unless given.

.PARAMETER SwitchName
    The virtual switch for the first network card. `Get-VMSwitch` lists those that there are.

.PARAMETER Path
    The folder below which the machine gets a folder of its own: Hyper-V's own default unless given.

.EXAMPLE
    .\New-LBVA.ps1 -SwitchName External

.EXAMPLE
    .\New-LBVA.ps1 -Generation 1 -Name lb2 -SwitchName External -Path D:\Machines

.EXAMPLE
    .\New-LBVA.ps1 -SwitchName External -WhatIf

    Checks everything and says what would be made.
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Low')]
param(
    [ValidateSet(1, 2)]
    [int] $Generation = 2,

    [ValidateNotNullOrEmpty()]
    [string] $Name = 'lbva',

    [string] $SwitchName = '',

    [string] $Path = ''
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

function Write-Problem {
    # One red line; an error record would print its place in this script, too.
    param([string] $Message)
    $Host.UI.WriteErrorLine("New-LBVA: $Message")
}

# Names of commands stand with their module: other vendors' modules have a New-VM, too.
if (-not (Get-Module -ListAvailable -Name Hyper-V)) {
    Write-Problem 'The Hyper-V module for PowerShell is missing: turn on the Windows feature Hyper-V with its management tools.'
    exit 1
}
$user = [Security.Principal.WindowsPrincipal] [Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $user.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Write-Problem 'Administrator rights are needed: start PowerShell with "Run as administrator".'
    exit 1
}
# Under -WhatIf an import would tell of each alias that it does not make.
& { $WhatIfPreference = $false; Import-Module -Name Hyper-V }
if (-not (Get-Command -Name Hyper-V\Set-VM).Parameters.ContainsKey('CheckpointType')) {
    Write-Problem 'This Hyper-V is too old: Windows Server 2016 or Windows 10 is needed.'
    exit 1
}

$disks = @(Get-ChildItem -LiteralPath $PSScriptRoot -Filter 'lbva-*.vhdx')
if ($disks.Count -ne 1) {
    Write-Problem "There are $($disks.Count) files lbva-*.vhdx in $PSScriptRoot, one is needed: extract the whole zip archive."
    exit 1
}
if ($Name.IndexOfAny([IO.Path]::GetInvalidFileNameChars()) -ge 0) {
    Write-Problem "The name '$Name' cannot be a folder's: give another one with -Name."
    exit 1
}

try {
    $switches = @(Hyper-V\Get-VMSwitch | ForEach-Object { $_.Name })
    $taken = @(Hyper-V\Get-VM | Where-Object { $_.Name -eq $Name })
    if (-not $Path) {
        $Path = (Hyper-V\Get-VMHost).VirtualMachinePath
    }
    # .NET and Hyper-V do not know PowerShell's current folder.
    $Path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path)
} catch {
    Write-Problem "Hyper-V does not answer: $($_.Exception.Message)"
    exit 1
}
if (-not $SwitchName) {
    Write-Problem "Give the virtual switch with -SwitchName. This host has: $($switches -join ', ')."
    exit 1
}
if ($switches -notcontains $SwitchName) {
    Write-Problem "There is no virtual switch '$SwitchName'. This host has: $($switches -join ', ')."
    exit 1
}
if ($taken.Count -gt 0) {
    Write-Problem "There is a virtual machine '$Name' already: give another name with -Name."
    exit 1
}
$folder = Join-Path -Path $Path -ChildPath $Name
if (Test-Path -LiteralPath $folder) {
    Write-Problem "There is a folder $folder already: give another name with -Name, or another folder with -Path."
    exit 1
}

if (-not $PSCmdlet.ShouldProcess("$Name in $folder", "Create a generation $Generation virtual machine on switch $SwitchName")) {
    exit 0
}
# Asked once is enough.
$ConfirmPreference = 'None'

$machine = $null
try {
    $diskFolder = Join-Path -Path $folder -ChildPath 'Virtual Hard Disks'
    $disk = Join-Path -Path $diskFolder -ChildPath "$Name.vhdx"
    New-Item -ItemType Directory -Path $diskFolder | Out-Null
    Copy-Item -LiteralPath $disks[0].FullName -Destination $disk

    $new = @{
        Name               = $Name
        Generation         = $Generation
        MemoryStartupBytes = 2GB
        Path               = $Path
        VHDPath            = $disk
        SwitchName         = $SwitchName
    }
    $machine = Hyper-V\New-VM @new
    Hyper-V\Set-VM -VM $machine -ProcessorCount 1 -StaticMemory -CheckpointType Disabled
    if ($Generation -eq 2) {
        # The appliance's boot loader is Debian's, signed for this template.
        $firmware = @{
            EnableSecureBoot   = 'On'
            SecureBootTemplate = 'MicrosoftUEFICertificateAuthority'
            FirstBootDevice    = (Hyper-V\Get-VMHardDiskDrive -VM $machine)
        }
        Hyper-V\Set-VMFirmware -VM $machine @firmware
    }
} catch {
    $problem = $_.Exception.Message
    if ($machine) {
        Hyper-V\Remove-VM -VM $machine -Force -ErrorAction SilentlyContinue
    }
    Remove-Item -LiteralPath $folder -Recurse -Force -ErrorAction SilentlyContinue
    Write-Problem "The machine '$Name' could not be made, and nothing of it is left: $problem"
    exit 1
}

Write-Information -InformationAction Continue -MessageData @"
The virtual machine '$Name' is made. Start it:        Start-VM -Name '$Name'
Then open the web page of an untouched appliance:  https://192.168.2.21:9443/lbadmin/
"@
Hyper-V\Get-VM -Id $machine.Id
