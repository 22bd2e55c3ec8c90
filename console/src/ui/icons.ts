import {
  Bell, Box, Calendar, Collection, Connection, DataAnalysis, Document, Files, Folder, Grid, HomeFilled, House, Key, Link, List, Lock,
  Management, Memo, Menu, Message, Monitor, Notebook, OfficeBuilding, Operation, Postcard, Setting, Share, Stamp, Suitcase, Tickets,
  Timer, Tools, User, UserFilled,
} from '@element-plus/icons-vue'
import type { Component } from 'vue'

/** The icons a menu may name. A closed set, so that the rest of the icon package is not shipped. */
export const icons: Record<string, Component> = {
  bell: Bell, box: Box, calendar: Calendar, collection: Collection, connection: Connection, chart: DataAnalysis, document: Document,
  files: Files, folder: Folder, grid: Grid, home: HomeFilled, house: House, key: Key, link: Link, list: List, lock: Lock,
  management: Management, memo: Memo, menu: Menu, message: Message, monitor: Monitor, notebook: Notebook, building: OfficeBuilding,
  operation: Operation, postcard: Postcard, setting: Setting, share: Share, stamp: Stamp, suitcase: Suitcase, tickets: Tickets,
  timer: Timer, tools: Tools, user: User, users: UserFilled,
}
