export * from './asyncapi.ts';
export * from './conversion-feedback.ts';
export * from './currency.ts';
export * from './errors.ts';
export * from './identity.ts';
export * from './sent-mark.ts';
export * from './messages/action-schemas.ts';
export * from './messages/action.ts';
export * from './messages/contact.ts';
export * from './messages/conversation.ts';
export * from './messages/event.ts';
export * from './messages/execution.ts';
export {
  contactKey,
  MissingHeader,
  text,
  type EncodedMessage,
  type RawHeaders,
  type RawMessage,
} from './messages/headers.ts';
export { DeadLetterHeaders, messageSchemas, type MessageSchema } from './messages/message-schemas.ts';
export * from './messages/outcome.ts';
export * from './messages/position.ts';
export * from './messages/progress.ts';
export * from './messages/redrive.ts';
export * from './month.ts';
export * from './numbers-as-sent.ts';
export * from './occurred-at.ts';
export { toJsonSchema, type JsonSchema } from './json-schema.ts';
export * from './openapi.ts';
export * from './order-worth.ts';
export * from './partition.ts';
export * from './plans.ts';
export * from './route.ts';
export * from './routes/index.ts';
export * from './schemas.ts';
export * from './topics.ts';
export * from './validation.ts';
export * from './workflow-definition.ts';
