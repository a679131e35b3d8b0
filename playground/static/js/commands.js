/** Turns Discord's tree of commands into a flat list, and filled options back into the tree. */

export const OPTION = {
  SUB_COMMAND: 1,
  SUB_COMMAND_GROUP: 2,
  STRING: 3,
  INTEGER: 4,
  BOOLEAN: 5,
  USER: 6,
  CHANNEL: 7,
  ROLE: 8,
  MENTIONABLE: 9,
  NUMBER: 10,
  ATTACHMENT: 11,
};
const CHAT_INPUT = 1;
const MESSAGE = 3;

/**
 * @typedef {Object} Leaf a command that can be sent
 * @property {string} name full name without the slash, "mod queue pause"
 * @property {string} description
 * @property {Object[]} options its options, required ones first
 * @property {{name: string, type: number}[]} path sub-command group and sub-command
 */

/**
 * List every slash command that can be sent.
 *
 * @param {Object[]} commands application command objects
 * @returns {Leaf[]}
 */
export function slashCommands(commands) {
  return commands
    .filter(({ type }) => (type ?? CHAT_INPUT) === CHAT_INPUT)
    .flatMap((command) => leaves(command, command.name, []));
}

function leaves(node, name, path) {
  const options = node.options ?? [];
  const nested = options.filter(
    ({ type }) => type === OPTION.SUB_COMMAND || type === OPTION.SUB_COMMAND_GROUP,
  );
  if (nested.length)
    return nested.flatMap((child) =>
      leaves(child, `${name} ${child.name}`, [...path, { name: child.name, type: child.type }]),
    );
  const sorted = [...options].sort((a, b) => Number(Boolean(b.required)) - Number(Boolean(a.required)));
  return [{ name, description: node.description ?? "", options: sorted, path }];
}

/**
 * List the commands of a message's Apps menu.
 *
 * @param {Object[]} commands
 * @returns {Object[]}
 */
export function messageCommands(commands) {
  return commands.filter(({ type }) => type === MESSAGE);
}

/**
 * Wrap filled options in their sub-command and group.
 *
 * @param {Leaf} leaf
 * @param {{name: string, value: *}[]} options
 * @returns {{name: string, options: Object[]}}
 */
export function commandPayload(leaf, options) {
  const nested = leaf.path.reduceRight((inner, { name, type }) => [{ name, type, options: inner }], options);
  return { name: leaf.name.split(" ")[0], options: nested };
}

/**
 * Rank commands for what has been typed after the slash.
 *
 * @param {Leaf[]} all
 * @param {string} typed
 * @returns {Leaf[]}
 */
export function matchCommands(all, typed) {
  const wanted = typed.toLowerCase();
  const rank = ({ name, description }) => {
    if (name.startsWith(wanted)) return 0;
    if (name.includes(wanted)) return 1;
    return wanted.length > 2 && description.toLowerCase().includes(wanted) ? 2 : 3;
  };
  return all
    .map((leaf) => ({ leaf, score: rank(leaf) }))
    .filter(({ score }) => score < 3)
    .sort((a, b) => a.score - b.score || a.leaf.name.localeCompare(b.leaf.name))
    .map(({ leaf }) => leaf);
}

/**
 * Find the command whose whole name was typed, followed by a space.
 *
 * @param {Leaf[]} all
 * @param {string} text with the slash
 * @returns {Leaf|undefined} undefined too while another command's longer name may follow
 */
export function matchTyped(all, text) {
  const typed = all.filter(
    ({ name }) => text.startsWith(`/${name}`) && /\s/.test(text[name.length + 1] ?? ""),
  );
  const longer = all.some(({ name }) => `/${name}`.startsWith(text));
  return longer ? undefined : typed.sort((a, b) => b.name.length - a.name.length)[0];
}
