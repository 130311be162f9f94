/** Something that whoever gave the command can put right: told without a stack. */
export class Mistake extends Error {}
