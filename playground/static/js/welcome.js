/** The beginning of a channel; while the channel is empty, also what to try first. */

import { avatar } from "./avatar.js";
import { OPTION, slashCommands } from "./commands.js";
import { h } from "./dom.js";
import { EXAMPLES, exampleFile } from "./examples.js";
import { icon } from "./icons.js";

/** What stands above the first message. */
export class Welcome {
  /**
   * @param {import("./store.js").Store} store
   * @param {Object} composer
   * @param {(name: string, values: Object) => *} composer.openCommand
   * @param {() => void} composer.startCommand
   */
  constructor(store, composer) {
    this.store = store;
    this.composer = composer;
    this.element = h("div", { class: "welcome", testid: "welcome" });
    for (const type of ["state", "message", "presence", "commands"])
      store.addEventListener(type, () => this.paint());
  }

  /** Draw for what the store holds now. */
  paint() {
    const { application, channel, commands, messages } = this.store;
    const target = promptCommand(commands);
    const key = JSON.stringify([application, channel, messages.size === 0, target?.leaf.name]);
    if (key === this.key) return;
    this.key = key;
    this.element.classList.toggle("is-empty", messages.size === 0);
    const heading = h(
      "h3",
      { class: "welcome-title" },
      messages.size ? `The beginning of #${channel?.name}` : `Welcome to #${channel?.name}`,
    );
    if (messages.size)
      this.element.replaceChildren(h("span", { class: "welcome-hash" }, icon("hash")), heading);
    else
      this.element.replaceChildren(
        this.#hero(heading, application),
        this.#examples(target, application),
        tips(),
      );
  }

  #hero(heading, application) {
    const line = application.online
      ? [
          h("b", {}, application.name),
          " is here and draws what you describe. Pick an example, look at what it fills in, and send it.",
        ]
      : [
          h("b", {}, application.name),
          " is on its way. As soon as it is connected, the examples below light up.",
        ];
    return h(
      "div",
      { class: "hero" },
      avatar({ ...application, bot: true }, "hero"),
      heading,
      h("p", { class: "welcome-text" }, line),
    );
  }

  #examples(target, application) {
    const cards = EXAMPLES.map((example) => {
      const option = example.filename ? target?.file : target?.text;
      const card = h(
        "button",
        {
          type: "button",
          class: "example",
          disabled: !option || !application.online,
          testid: `example-${example.id}`,
        },
        example.filename
          ? h("span", { class: "example-drop", "aria-hidden": "true" }, icon("upload"), example.filename)
          : h("span", { class: "example-code", "aria-hidden": "true" }, ...highlighted(example.text)),
        h("span", { class: "example-title" }, example.title),
        h("span", { class: "example-note" }, example.note),
      );
      card.addEventListener("click", () =>
        this.composer.openCommand(target.leaf.name, {
          [option]: example.filename ? exampleFile(example) : example.text,
        }),
      );
      return card;
    });
    return h("div", { class: "examples" }, cards);
  }
}

/** Find the command that takes a prompt as text, a file, or both. */
function promptCommand(commands) {
  for (const leaf of slashCommands(commands)) {
    const text = leaf.options.find(({ name, type }) => type === OPTION.STRING && name === "prompt")?.name;
    const file = leaf.options.find(({ type }) => type === OPTION.ATTACHMENT)?.name;
    if (text) return { leaf, text, file };
  }
  return null;
}

/** Colour the tags of an example's first lines. */
function highlighted(text) {
  const lines = text.split("\n").slice(0, 6).join("\n");
  return lines.split(/(<\/?[\w$]+>)/).map((part) => (part.startsWith("<") ? h("i", {}, part) : part));
}

function tips() {
  const tip = (...words) => h("li", {}, words);
  const dropping = h("li", { class: "needs-mouse" }, "Drop a file anywhere on this page to attach it.");
  return h(
    "ul",
    { class: "tips" },
    tip("Type ", h("kbd", {}, "/"), " in the field below to see every command."),
    dropping,
    tip(
      "Any message has an Apps menu: right click it, or use its ",
      h("span", { class: "tip-icon", role: "img", "aria-label": "more" }, icon("more")),
      " button.",
    ),
    tip("At the top right you change who you are: a member sees other things than a moderator."),
  );
}
