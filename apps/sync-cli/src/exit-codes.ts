/** Exit codes of the command; usage follows sysexits.h, interruption the shells. */
export const exitCodes = {
  ok: 0,
  /** At least one table failed, or a verification found a difference. */
  failed: 1,
  /** The command line or the configuration is wrong; nothing was done. */
  usage: 64,
  interrupted: 130,
} as const
