/** The example prompts that the empty channel offers. */

const ONE = `<character_1>
  <n>miku</n>
  <gender>1girl</gender>
  <appearance>blue_hair, long_twintails, teal_eyes</appearance>
  <clothing>white_shirt, teal_necktie, headset</clothing>
  <expression>smile, looking_at_viewer</expression>
  <action>singing, holding_microphone</action>
</character_1>
<general_tags>
  <count>1girl, solo</count>
  <background>concert_stage, light_beams</background>
  <style>anime_style, vivid_colors</style>
</general_tags>
<caption>A singer on a bright stage at night.</caption>`;

const TWO = `<character_1>
  <n>aoi</n>
  <gender>1girl</gender>
  <appearance>silver_hair, short_hair, violet_eyes</appearance>
  <clothing>navy_coat, red_scarf</clothing>
  <action>pointing_at_the_sky</action>
  <position>left</position>
</character_1>
<character_2>
  <n>ren</n>
  <gender>1boy</gender>
  <appearance>black_hair, glasses, green_eyes</appearance>
  <clothing>brown_jacket, backpack</clothing>
  <interaction>standing_next_to_character_1</interaction>
  <position>right</position>
</character_2>
<general_tags>
  <count>1girl, 1boy</count>
  <background>night_sky, hill, falling_stars</background>
  <atmosphere>calm, wonder</atmosphere>
</general_tags>
<caption>Two friends watch falling stars from a hill.</caption>`;

/** The examples: what each is called, its text, and whether it goes in as a file. */
export const EXAMPLES = [
  { id: "one", title: "One character", note: "A singer on a stage", text: ONE },
  { id: "two", title: "Two characters", note: "Two friends under falling stars", text: TWO },
  {
    id: "file",
    title: "Upload an .xml file",
    note: "The same way you would upload your own",
    text: TWO,
    filename: "example-prompt.xml",
  },
];

/**
 * Make an example's file, as if it had been chosen from a disk.
 *
 * @param {{filename: string, text: string}} example
 * @returns {File}
 */
export function exampleFile({ filename, text }) {
  return new File([`${text}\n`], filename, { type: "application/xml" });
}
