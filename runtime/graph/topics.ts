/** The names of the topics that the runtime makes for a job, in one place. */
export const changelogTopic = (job: string, stage: string): string => `${job}.${stage}.changelog`;
export const exchangeTopic = (job: string, exchange: string): string => `${job}.${exchange}.exchange`;
export const deadLetterTopic = (job: string): string => `${job}.dead-letters`;
/** One partition a slot; its assignment is the lease of the slot. Holds no records. */
export const slotsTopic = (job: string): string => `${job}.slots`;
export const transactionalId = (job: string, stage: string, slot: number): string =>
  `${job}.${stage}.${slot}`;
