/** Names under which Nest hands the parts to the controllers. */
export const CLOCK = Symbol('Clock');
export const TRACK = Symbol('Track');
export const TRACK_METRIC = Symbol('TrackMetric');
export const TRACK_BATCH = Symbol('TrackBatch');
export const ONCE_PER_KEY = Symbol('OncePerKey');
export const RECORD_CONVERSATIONS = Symbol('RecordConversations');
export const WHATSAPP_DOOR = Symbol('WhatsappDoor');
export const CHANNELS = Symbol('Channels');
export const DIRECTORY = Symbol('Directory');
export const CONTACTS_CHANGED = Symbol('ContactsChanged');
export const API_DOCUMENT = Symbol('ApiDocument');
export const ADMISSION = Symbol('Admission');
