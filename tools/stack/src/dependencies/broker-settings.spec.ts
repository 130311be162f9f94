import { describe, expect, it } from '@jest/globals';
import { brokerSettings } from './broker-settings.ts';

const lines = (text: string) =>
  new Map(
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.split('=') as [string, string]),
  );

describe('the settings of a broker', () => {
  it('name one listener for everybody', () => {
    const settings = lines(brokerSettings('/logs', { port: 1, controllerPort: 2 }));
    expect(settings.get('listeners')).toBe('PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2');
    expect(settings.get('advertised.listeners')).toBe('PLAINTEXT://127.0.0.1:1');
  });

  it('send the clients of a door to what stands in front of it', () => {
    const doors = [{ port: 3, advertisedPort: 4 }];
    const settings = lines(brokerSettings('/logs', { port: 1, controllerPort: 2, doors }));
    expect(settings.get('listeners')).toContain(',DOOR1://127.0.0.1:3');
    expect(settings.get('advertised.listeners')).toBe('PLAINTEXT://127.0.0.1:1,DOOR1://127.0.0.1:4');
    expect(settings.get('listener.security.protocol.map')).toContain('DOOR1:PLAINTEXT');
  });
});
