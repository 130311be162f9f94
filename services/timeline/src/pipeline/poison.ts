/** A message that can never be recorded: the transport gives it to the dead letters and hands the rest again. */
export interface Poison {
  readonly offset: number;
  readonly reason: 'undecodable' | 'time_out_of_range' | 'not_storable';
  readonly detail: string;
}
